"""Whatever order of reports, ticks, pauses and words: a rollout keeps its rate and its threshold, stops, and ends."""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import Refusal
from server.rollouts import rules
from server.rollouts.rules import Plan, Ring, Standing, Tally

START = datetime(2026, 11, 25, tzinfo=UTC)
WORDS = ("succeeded", "failed", "rejected", "interrupted")


@dataclass
class Device:
    ring: int
    state: str = "queued"
    until: datetime | None = None
    called_back: bool = False
    forgiven: bool = False


@dataclass
class World:
    """Terminals without a database: what the service does with a step, in the plainest way."""

    plan: Plan
    devices: list[Device]
    minutes: int
    deadline: datetime
    standing: Standing = field(default_factory=lambda: Standing("running"))
    now: datetime = START
    begun: deque[datetime] = field(default_factory=deque)

    def tallies(self) -> list[Tally]:
        found = []
        for ring in range(len(self.plan.rings)):
            here = [device for device in self.devices if device.ring == ring]
            state = Counter(device.state for device in here)
            failures = sum(state[one] for one in rules.FAILURES)
            found.append(
                Tally(
                    state["queued"],
                    state["sent"] + state["in_progress"],
                    state["succeeded"],
                    failures,
                    state["cancelled"] + state["unreachable"],
                    sum(device.forgiven and device.state in rules.JUDGED for device in here),
                    sum(device.forgiven and device.state in rules.FAILURES for device in here),
                )
            )
        return found

    def tick(self) -> None:
        for device in self.devices:
            if device.until is not None and self.now >= device.until:
                word = {"in_progress": "timed_out", "sent": "cancelled" if device.called_back else "unreachable"}
                device.state, device.until = word[device.state], None
        lately = sum(self.now - at < timedelta(minutes=1) for at in self.begun)
        counted = [one.state for one in self.devices if one.state in rules.JUDGED and not one.forgiven]
        failures = sum(state in rules.FAILURES for state in counted)
        failing = len(counted) >= self.plan.abort_minimum and failures * 100 >= max(
            1, self.plan.abort_percent * len(counted)
        )
        before = self.standing
        step = rules.step(
            self.plan,
            before,
            self.tallies(),
            begun_last_minute=lately,
            now=self.now,
            deadline=self.deadline,
        )
        assert not (step.begin and (failing or before.state != "running" or self.now >= self.deadline))
        assert not (failing and before.state == "running" and step.standing.state in ("running", "completed"))
        self.standing = step.standing
        if step.cancel:
            self.end_rest()
        chosen = [one for one in self.devices if one.state == "queued" and one.ring <= step.standing.ring]
        assert len(chosen) >= step.begin
        for device in chosen[: step.begin]:
            device.state, device.until = "sent", self.now + timedelta(minutes=self.minutes)
            self.begun.append(self.now)

    def end_rest(self) -> None:
        for device in self.devices:
            if device.state == "queued":
                device.state = "cancelled"
            device.called_back = device.called_back or device.state in rules.UNDER_WAY

    def resume(self, *, forgiven: bool, again: bool) -> None:
        for device in self.devices:
            if forgiven and device.state in rules.JUDGED:
                device.forgiven = True
            if again and device.state in (*rules.FAILURES, "unreachable"):
                device.state, device.forgiven = "queued", False

    def report(self, number: int, word: str) -> None:
        heard = (*rules.UNDER_WAY, *rules.BY_TIME)
        answering = [one for one in self.devices if one.state in heard]
        if not answering:
            return
        device = answering[number % len(answering)]
        if word == "in_progress":
            device.state = word if device.state in rules.UNDER_WAY else device.state
        else:
            device.state, device.until = "failed" if word == "interrupted" else word, None

    def act(self, what: str) -> None:
        try:
            if what == "pause":
                self.standing = rules.paused(self.standing)
            elif what in ("resume", "again"):
                self.standing, forgiven = rules.resumed(self.standing)
                self.resume(forgiven=forgiven, again=what == "again")
            elif what == "advance":
                self.standing = rules.advanced(self.standing, len(self.plan.rings))
            else:
                self.standing = rules.cancelled(self.standing)
                self.end_rest()
        except Refusal:
            pass  # a person's page was older


def _ringed(shares: list[int]) -> tuple[Ring, ...]:
    some = (Ring(f"ring {share}", share, "person" if share % 3 == 0 else "auto", 90) for share in sorted(shares))
    return (*some, Ring("all", 100))


rings = st.lists(st.integers(1, 99), max_size=3, unique=True).map(_ringed)
events = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 600)),
    st.tuples(st.just("tick"), st.just(0)),
    st.tuples(st.sampled_from((*WORDS, "in_progress")), st.integers(0, 200)),
    st.tuples(st.sampled_from(("pause", "resume", "again", "advance")), st.just(0)),
    st.tuples(st.sampled_from(("pause", "resume", "advance", "cancel")), st.just(0)),
)


@settings(max_examples=250)
@given(
    rings,
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 100),
    st.integers(1, 8),
    st.lists(events, max_size=120),
)
def test_it_keeps_its_rate_and_its_threshold_and_every_terminal_ends(
    ringed: tuple[Ring, ...], count: int, rate: int, percent: int, minimum: int, history: list[tuple[str, int]]
) -> None:
    plan = Plan(ringed, rate, percent, minimum)
    devices = [Device(rules.ring_of(place, count, ringed)) for place in range(count)]
    world = World(plan, devices, minutes=10, deadline=START + timedelta(hours=2))
    stopped_with: int | None = None
    for what, number in history:
        if what == "wait":
            world.now += timedelta(seconds=number)
        elif what == "tick":
            world.tick()
        elif what in ("pause", "resume", "again", "advance", "cancel"):
            world.act(what)
            if world.standing.state == "cancelled" and stopped_with is None:
                stopped_with = len(world.begun)
        else:
            world.report(number, what)
    world.now = max(world.now, world.deadline)
    world.tick()
    world.now += timedelta(minutes=10)
    world.tick()

    assert world.standing.state in rules.ENDED
    assert all(device.state in rules.DEVICE_ENDED for device in devices)
    assert stopped_with is None or stopped_with == len(world.begun)
    times = list(world.begun)
    assert all(after - before >= timedelta(minutes=1) for before, after in zip(times, times[rate:], strict=False))


@given(rings, st.integers(1, 500))
def test_rings_hold_everyone_once_in_order_and_the_canary_somebody(ringed: tuple[Ring, ...], count: int) -> None:
    places = [rules.ring_of(place, count, ringed) for place in range(count)]
    assert places == sorted(places)
    assert places[0] == 0


def tick(standing: Standing, *tallies: Tally, plan: Plan | None = None, continuous: bool = False) -> rules.Step:
    chosen = plan or Plan((Ring("canary", 10), Ring("all", 100, "person")), 10, 30, 4)
    return rules.step(
        chosen,
        standing,
        tallies,
        begun_last_minute=3,
        now=START,
        deadline=START + timedelta(hours=1),
        continuous=continuous,
    )


def test_the_canary_goes_first_and_the_rest_waits_for_all_of_it() -> None:
    assert tick(Standing("running"), Tally(queued=20), Tally(queued=80)).begin == 7
    assert tick(Standing("running"), Tally(under_way=2, succeeded=18), Tally(queued=80)).begin == 0
    step = tick(Standing("running"), Tally(succeeded=20), Tally(queued=80))
    assert (step.standing.ring, step.begin) == (1, 7)


@pytest.mark.parametrize(
    ("tally", "why"),
    [
        (Tally(succeeded=18, failures=2), "criteria"),
        (Tally(other=20), "nobody_judged"),
    ],
)
def test_a_ring_that_did_not_succeed_waits_for_a_person(tally: Tally, why: str) -> None:
    step = tick(Standing("running"), tally, Tally(queued=80))
    assert (step.standing.state, step.standing.why, step.begin) == ("waiting", why, 0)
    assert rules.advanced(step.standing, 2) == Standing("running", 1)


def test_too_many_failures_halt_it_once_enough_can_be_judged_and_a_person_forgives_them() -> None:
    assert tick(Standing("running"), Tally(queued=17, failures=3), Tally(queued=80)).standing.state == "running"
    tallies = (Tally(queued=15, failures=2, succeeded=3), Tally(queued=80))
    halted = tick(Standing("running"), *tallies).standing
    assert (halted.state, halted.why) == ("halted", "threshold")
    again, forgiven = rules.resumed(halted)
    assert forgiven
    seen = {"forgiven_judged": 5, "forgiven_failures": 2}
    assert tick(again, Tally(queued=15, failures=2, succeeded=3, **seen), Tally(queued=80)).begin == 7
    more = (Tally(queued=10, failures=4, succeeded=6, **seen), Tally(queued=80))
    assert tick(again, *more).standing.state == "halted"


def test_a_last_ring_that_fails_halts_it_and_completes_when_a_person_resumed_it() -> None:
    over = Tally(failures=5, succeeded=3)
    halted = tick(Standing("running", 1), Tally(succeeded=2), over).standing
    assert (halted.state, halted.why) == ("halted", "threshold")
    assert tick(halted, Tally(succeeded=2), over).standing == halted, "it waits for a person"
    resumed, _ = rules.resumed(halted)
    forgiven = (Tally(succeeded=2, forgiven_judged=2), replace(over, forgiven_judged=8, forgiven_failures=5))
    assert tick(resumed, *forgiven).standing.state == "completed"


def test_terminals_that_are_switched_off_neither_halt_it_nor_count_as_a_success() -> None:
    step = tick(Standing("running"), Tally(queued=10, other=10), Tally(queued=80))
    assert (step.standing.state, step.begin) == ("running", 7)


def test_one_that_terminals_join_ends_at_its_deadline_alone() -> None:
    assert tick(Standing("running", 1), Tally(), Tally(succeeded=3)).standing.state == "completed"
    assert tick(Standing("running", 1), Tally(), Tally(succeeded=3), continuous=True).standing.state == "running"


def test_an_update_is_released_by_another_person() -> None:
    proposed = Standing("proposed")
    with pytest.raises(Refusal, match="second person"):
        rules.released(proposed, kind="update", by="flo", proposed_by="flo")
    assert rules.released(proposed, kind="update", by="gus", proposed_by="flo").state == "running"
    assert rules.released(proposed, kind="sync", by="flo", proposed_by="flo").state == "running"


def test_the_channel_of_a_terminal_says_how_early_it_is() -> None:
    channels = {"a": "stable", "b": "canary", "c": "early", "d": "stable"}
    ordered = sorted(channels, key=lambda device: rules.order_of("salt", device, channels[device]))
    assert ordered[:2] == ["b", "c"]
