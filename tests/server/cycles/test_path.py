"""The way of a cycle on the real database, from its draft to the published grants."""

import hashlib
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import text

from contract.book import in_book, leaf_bytes
from contract.errors import Conflict, Rejected
from contract.feed import BookEntry, Grants, WindowState
from server.cycles import queries, result_queries, rules, service, standing, supply_queries, window_planning
from server.cycles.result_queries import Grant
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
BOTH = Operator(3, "chen", frozenset({"planner", "releaser"}))


def feed(town, retailer):
    """What a new terminal of the shop would read, by key."""
    with transaction(town.sessions) as session:
        items, _ = outbox.read(session, retailer, after=0, limit=1000)
    return {item.key: item for item in items}


def granted(town, cycle, retailer=None) -> dict[tuple[str, str], Grant]:
    with transaction(town.sessions) as session:
        return {(g.retailer, g.sku): g for g in result_queries.grants(session, cycle, retailer)}


def test_a_cycle_goes_by_itself_from_the_close_to_the_check_and_waits_there(town):
    cycle = town.draft()
    assert town.cycle(cycle).state == "draft"
    town.announce(cycle)
    assert town.cycle(cycle).state == "announced"
    town.open(cycle)
    assert town.cycle(cycle).state == "open"
    town.order("R1", window_of(town, cycle), K1=40)
    town.close()
    assert town.work() == ["react", "cycles.freeze", "signals.look", "cycles.solve", "cycles.verify"]
    found = town.cycle(cycle)
    assert (found.state, found.trouble) == ("verified", None)
    with transaction(town.sessions) as session:
        assert [step.state for step in queries.steps(session, cycle)] == [
            "draft",
            "announced",
            "closed",
            "frozen",
            "solved",
            "verified",
        ]
    assert granted(town, cycle) == {}, "nothing is out before it is published"


def window_of(town, cycle):
    with transaction(town.sessions) as session:
        return queries.planned_windows(session, cycle)[0].id


def test_every_terminal_hears_what_it_got_and_why(town):
    cycle = town.published()
    grants = granted(town, cycle)
    by_sku = {sku: sum(g.granted_units for (_, s), g in grants.items() if s == sku) for sku in ("K1", "K2", "WINE")}
    assert by_sku == {"K1": 120, "K2": 15, "WINE": 60}, "whole packs of what there is less the reserve"
    assert {key: g.reason for key, g in grants.items() if g.sku == "K2"} == {
        ("R1", "K2"): "filled",
        ("R3", "K2"): "filled",
    }
    told = Grants.model_validate(feed(town, "R4")[f"grants:{cycle}:1"].data)
    line = told.lines[0]
    assert (line.sku, line.requested_units, line.granted_units) == ("K1", 80, grants["R4", "K1"].granted_units)
    assert (line.weight, line.supply_units, line.asked_units) == (40, 120, 220)
    assert line.reason in {"supply", "lottery"}
    assert told.policy.startswith("fair share v1 · sha256 ")
    window = next(item for key, item in feed(town, "R5").items() if key.startswith("window:"))
    assert WindowState.model_validate(window.data).state == "published", "also who ordered nothing hears of the end"
    assert not any(key.startswith("grants:") for key in feed(town, "R5"))


def test_the_secret_is_committed_before_the_window_and_seed_follows_from_it_and_the_book(town):
    cycle = town.draft()
    town.announce(cycle)
    before = next(item for key, item in feed(town, "R1").items() if key.startswith("window:"))
    commitment = WindowState.model_validate(before.data).commitment
    assert commitment == town.cycle(cycle).commitment
    window = town.open(cycle)
    town.order("R1", window, K1=40)
    town.close()
    town.work()
    frozen = BookEntry.model_validate(feed(town, "R1")[f"book:{cycle}"].data)
    assert frozen.secret is None
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    shown = BookEntry.model_validate(feed(town, "R1")[f"book:{cycle}"].data)
    assert shown.secret is not None
    assert hashlib.sha256(bytes.fromhex(shown.secret)).hexdigest() == commitment
    seed = hashlib.sha256(bytes.fromhex(shown.secret) + bytes.fromhex(shown.root)).hexdigest()
    assert Grants.model_validate(feed(town, "R1")[f"grants:{cycle}:1"].data).seed == seed


def test_each_shop_can_check_that_its_lines_stand_in_the_frozen_book(town):
    cycle = town.verified()
    for retailer in ("R1", "R2", "R3", "R4"):
        entry = BookEntry.model_validate(feed(town, retailer)[f"book:{cycle}"].data)
        assert in_book(leaf_bytes(retailer, entry.lines), entry.path, entry.root)
        changed = [line.model_copy(update={"quantity_units": 1}) for line in entry.lines]
        assert not in_book(leaf_bytes(retailer, changed), entry.path, entry.root)


def test_a_cycle_cannot_be_announced_so_late_that_a_window_opens_before_its_commitment(town):
    cycle = town.draft()
    town.clock.advance(minutes=1)
    with pytest.raises(Rejected) as refused:
        town.announce(cycle)
    assert "before the commitment" in str(refused.value)
    assert town.cycle(cycle).commitment is None


def test_the_sender_cannot_release_and_another_person_can(town):
    cycle = town.verified()
    town.act(service.send_for_release, cycle, BOTH)
    with pytest.raises(Rejected) as refused:
        town.act(service.release, cycle, BOTH)
    assert refused.value.code == "same_person"
    assert town.cycle(cycle).state == "in_review"
    town.act(service.release, cycle, RELEASER)
    assert town.work() == ["cycles.publish", "react"]
    found = town.cycle(cycle)
    assert (found.state, found.sent_by, found.released_by) == ("published", "chen", "bo")


def test_of_two_releasers_one_releases_and_the_other_is_told_that_it_is_done(town):
    cycle = town.verified()
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    with pytest.raises(Conflict) as refused:
        town.act(service.release, cycle, BOTH)
    assert (refused.value.code, refused.value.params["state"]) == ("wrong_state", "released")
    town.work()
    assert town.cycle(cycle).released_by == "bo"


def test_nothing_can_be_released_that_nobody_sent(town):
    cycle = town.verified()
    with pytest.raises(Conflict) as refused:
        town.act(service.release, cycle, RELEASER)
    assert refused.value.code == "wrong_state"


def test_a_result_can_be_given_back_with_a_reason_and_sent_again(town):
    cycle = town.verified()
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.send_back, cycle, RELEASER, reason="R4 is closed for repairs")
    assert town.cycle(cycle).state == "verified"
    town.act(service.send_for_release, cycle, BOTH)
    assert town.cycle(cycle).sent_by == "chen"


def test_supply_that_is_missing_stops_the_freeze_and_says_which_until_it_is_added(town):
    cycle = town.draft(rows=[{"sku": "K2", "supply_units": 100}])
    town.ordered(cycle)
    with transaction(town.sessions) as session:
        assert supply_queries.unsupplied(session, cycle) == {"K1": 220, "WINE": 66}
    town.close()
    town.work()
    found = town.cycle(cycle)
    assert found.state == "closed"
    assert found.trouble is not None
    assert (found.trouble["step"], found.trouble["code"]) == ("freeze", "supply_missing")
    assert found.trouble["params"] == {"count": 2, "skus": "K1, WINE"}
    town.supply(cycle, [{"sku": "K1", "supply_packs": 12}, {"sku": "WINE", "supply_units": 0}], correct=True)
    town.work()
    assert (town.cycle(cycle).state, town.cycle(cycle).trouble) == ("verified", None)


def test_a_correction_after_the_freeze_is_another_attempt_on_the_same_book_and_the_same_draw(town):
    cycle = town.verified()
    with transaction(town.sessions) as session:
        first = result_queries.run(session, cycle)
    root = town.cycle(cycle).book_root
    town.supply(cycle, [{"sku": "K1", "supply_units": 90}], correct=True)
    town.work()
    with transaction(town.sessions) as session:
        second = result_queries.run(session, cycle)
        assert sum(g.granted_units for g in result_queries.drafted_grants(session, cycle) if g.sku == "K1") == 90
        assert [one.version for one in supply_queries.supply_versions(session, cycle)] == [2, 1]
    assert first is not None
    assert second is not None
    assert (second.attempt, second.seed, town.cycle(cycle).book_root) == (2, first.seed, root)
    assert second.input_sha256 != first.input_sha256
    town.act(service.send_for_release, cycle, PLANNER)
    with pytest.raises(Conflict):
        town.supply(cycle, [{"sku": "K1", "supply_units": 200}], correct=True)


def test_a_cycle_that_is_called_off_tells_its_shops_and_ends(town):
    cycle = town.draft()
    town.announce(cycle)
    town.act(service.call_off, cycle, PLANNER, reason="the lorry has burnt")
    item = next(item for key, item in feed(town, "R1").items() if key.startswith("window:"))
    assert WindowState.model_validate(item.data).state == "called_off"
    with pytest.raises(Conflict):
        town.announce(cycle)


def test_a_window_can_be_made_to_close_later_and_never_earlier(town):
    cycle = town.draft()
    published = town.clock.now + timedelta(hours=1)
    later = published + timedelta(minutes=20)
    town.announce(cycle)
    window = town.open(cycle)

    def postpone(closes_at: datetime, reason: str = "the network was away") -> None:
        town.act(window_planning.postpone_window, cycle, PLANNER, window=window, closes_at=closes_at, reason=reason)

    for wrong in (published, published - timedelta(minutes=1)):
        with pytest.raises(Invalid, match="closes_at"):
            postpone(wrong)
    with pytest.raises(Invalid, match="reason"):
        postpone(later, " ")
    postpone(later)

    item = next(item for key, item in feed(town, "R1").items() if key.startswith("window:"))
    assert WindowState.model_validate(item.data).closes_at == later
    town.clock.now = published + timedelta(minutes=5)
    assert town.order("R1", window, K1=10).outcome == "accepted"
    with transaction(town.sessions) as session:
        assert queries.planned_windows(session, cycle)[0].closes_at == later
        note = next(entry for entry in audit.entries(session) if entry.action == "cycle.window_postponed")
        assert note.detail["reason"] == "the network was away"
    town.clock.now = later + timedelta(seconds=30)
    with pytest.raises(Rejected, match="closed"):
        postpone(later + timedelta(hours=1))


def test_windows_come_from_the_weekly_schedules_of_the_routes(town):
    with transaction(town.sessions) as session:
        for route, weekday in (("*", 3), ("south", 4)):
            standing.set_schedule(
                session,
                rules.Schedule(route, weekday, time(8), weekday, time(16), "Asia/Shanghai"),
                by=PLANNER,
                at=town.clock.now,
            )
    cycle = town.draft()
    town.act(window_planning.plan_scheduled_windows, cycle, PLANNER)
    with transaction(town.sessions) as session:
        planned = {window.route: window for window in queries.planned_windows(session, cycle)}
    assert set(planned) == {"north", "south"}, "the rest is told apart from the route with a schedule of its own"
    assert planned["south"].opens_at - planned["north"].opens_at == timedelta(days=1)
    assert rules.wall_time(planned["north"].closes_at, "Asia/Shanghai") == "2026-12-02 16:00 UTC+08:00"


def test_the_book_is_frozen_when_the_last_of_several_windows_has_closed(town):
    cycle = town.draft(route="north")
    with transaction(town.sessions) as session:
        now = town.clock.now
        window_planning.plan_window(
            session, cycle, "south", now + timedelta(minutes=1), now + timedelta(hours=5), by=PLANNER, at=now
        )
    town.announce(cycle)
    town.open(cycle)
    town.close()
    assert town.work() == ["react"]
    assert town.cycle(cycle).state == "open"
    town.clock.advance(hours=4)
    town.close()
    town.work()
    assert town.cycle(cycle).state == "verified"


def test_a_window_for_all_beside_one_for_a_route_is_refused(town):
    cycle = town.draft()
    now = town.clock.now
    town.act(
        window_planning.plan_window,
        cycle,
        PLANNER,
        route="north",
        opens_at=now + timedelta(hours=1),
        closes_at=now + timedelta(hours=2),
    )
    with pytest.raises(Rejected) as refused:
        town.announce(cycle)
    assert refused.value.params["where"] == "windows"


def test_what_rounding_took_in_one_cycle_counts_in_the_next(town):
    first = town.published()
    with transaction(town.sessions) as session:
        carries = dict(session.execute(text("SELECT retailer, carry_thousandths FROM carries WHERE sku = 'K1'")).all())
    grants = granted(town, first)
    # 120 units by weights 10, 20, 20, 40: the uniform level is 4/3 a unit of weight.
    entitled = {"R1": 1_333, "R2": 2_666, "R3": 2_666, "R4": 5_333}
    for retailer, thousandths in entitled.items():
        owed = thousandths - grants[retailer, "K1"].granted_units * 100
        assert carries.get(retailer, 0) == owed
        told = Grants.model_validate(feed(town, retailer)[f"grants:{first}:1"].data)
        line = next(line for line in told.lines if line.sku == "K1")
        assert (line.carry_thousandths, line.carried_thousandths) == (0, owed)
    second = town.verified()
    with transaction(town.sessions) as session:
        kept = dict(
            session.execute(
                text("SELECT retailer, carry_thousandths FROM book_lines WHERE sku = 'K1' AND cycle = :c"),
                {"c": second},
            ).all()
        )
    assert kept == {retailer: carries.get(retailer, 0) for retailer in entitled}


def released(town, cycle):
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    assert town.cycle(cycle).state == "published", town.cycle(cycle).trouble


def carries(town):
    with transaction(town.sessions) as session:
        found = session.execute(text("SELECT retailer, carry_thousandths FROM carries WHERE sku = 'K1'"))
        return {retailer: carried for retailer, carried in found if carried}


def carried(town, cycle):
    """What a publication of a cycle brings of K1, as its retailers read it."""
    found = {}
    for retailer in ("R1", "R2", "R3", "R4"):
        lines = Grants.model_validate(feed(town, retailer)[f"grants:{cycle}:1"].data).lines
        line = next(line for line in lines if line.sku == "K1")
        assert line.carry_thousandths == 0, "nothing was out when the books were frozen"
        found[retailer] = line.carried_thousandths
    return found


@pytest.mark.slow
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_cycles_that_overlap_keep_each_others_carry_whichever_is_published_first(town, order):
    cycles = [town.verified()]
    town.clock.advance(days=7)
    cycles.append(town.verified())
    for place in order:
        released(town, cycles[place])
    both = [carried(town, cycle) for cycle in cycles]
    owed = {retailer: sum(one[retailer] for one in both) for retailer in both[0]}
    assert all(any(one.values()) for one in both)
    assert carries(town) == {retailer: min(1000, max(-1000, units)) for retailer, units in owed.items() if units}

    before = carries(town)
    town.supply(cycles[0], [{"sku": "K1", "supply_units": 95, "reserve_units": 5}], correct=True)
    town.work()
    released(town, cycles[0])
    now, was = carried(town, cycles[0]), both[0]
    assert now != was
    changed = {shop: max(-1000, min(1000, before.get(shop, 0) + now[shop] - was[shop])) for shop in now}
    assert carries(town) == {shop: units for shop, units in changed.items() if units}, (
        "a correction adds what it changes"
    )


def test_what_offers_less_than_was_asked_last_time_is_scarce_and_what_a_planner_marks(town):
    town.published()
    cycle = town.draft(
        rows=[
            {"sku": "K1", "supply_units": 220},
            {"sku": "WINE", "supply_units": 60},
            {"sku": "K2", "supply_units": 50, "scarce": True},
        ]
    )
    with transaction(town.sessions) as session:
        assert supply_queries.scarce_skus(session, cycle) == {"WINE", "K2"}
        assert supply_queries.scarce_skus(session) == frozenset(), "no cycle is announced"
        assert queries.current_cycle(session) is None
    town.announce(cycle)
    with transaction(town.sessions) as session:
        assert supply_queries.scarce_skus(session) == {"WINE", "K2"}


def test_a_smallest_grant_gives_nothing_or_at_least_so_much(town):
    cycle = town.verified(
        rows=[
            {"sku": "K1", "supply_units": 120, "minimum_units": 50},
            {"sku": "K2", "supply_units": 1_000},
            {"sku": "WINE", "supply_units": 60},
        ]
    )
    with transaction(town.sessions) as session:
        units = [g.granted_units for g in result_queries.drafted_grants(session, cycle) if g.sku == "K1"]
    assert sum(units) <= 120
    assert any(units)
    assert all(unit == 0 or unit >= 50 for unit in units)


def test_a_policy_is_a_text_that_the_core_can_read_and_each_change_a_version_with_a_reason(town):
    def write(rules_text):
        with transaction(town.sessions) as session:
            return standing.write_policy(
                session,
                "small first",
                rules_text,
                reason="the council's wish",
                author="anna",
                actor=audit.Actor("operator", "anna"),
                at=town.clock.now,
            )

    assert write('rounding = "adams"\n').version == 1
    assert write('rounding = "adams"\n').version == 1, "the same text is no new version"
    assert write('rounding = "jefferson"\n').version == 2
    for wrong in ('rounding = "none"', 'rule = "loudest"', 'colour = "red"', "not toml", f'seed = "{"0" * 64}"'):
        with pytest.raises(Rejected) as refused:
            write(wrong)
        assert refused.value.params["where"] == "policy"


def test_every_act_of_a_person_stands_in_the_audit(town):
    cycle = town.published()
    with transaction(town.sessions) as session:
        acts = [(e.actor, e.action) for e in reversed(audit.entries(session, subject=f"cycle:{cycle}"))]
    assert acts == [
        ("operator:anna", "cycle.created"),
        ("operator:anna", "cycle.window_planned"),
        ("operator:anna", "cycle.supply_released"),
        ("operator:anna", "cycle.announced"),
        ("system:evenhand", "window.closed"),
        ("system:evenhand", "cycle.frozen"),
        ("system:evenhand", "cycle.solved"),
        ("system:evenhand", "cycle.verified"),
        ("operator:anna", "cycle.sent_for_release"),
        ("operator:bo", "cycle.released"),
        ("system:evenhand", "cycle.published"),
    ]


def test_a_window_in_the_past_is_refused_when_it_is_planned(town):
    cycle = town.draft()
    now = town.clock.now
    with pytest.raises(Invalid, match=r"2026-11-25 08:59 UTC\+08:00 is past"):
        town.act(
            lambda session, cycle, **by: window_planning.plan_window(
                session, cycle, "*", now - timedelta(minutes=1), now + timedelta(hours=1), **by
            ),
            cycle,
            PLANNER,
        )


def test_the_windows_of_a_week_that_is_over_are_refused(town):
    with transaction(town.sessions) as session:
        schedule = rules.Schedule("*", 3, time(8), 3, time(16), "Asia/Shanghai")
        standing.set_schedule(session, schedule, by=PLANNER, at=town.clock.now)
    cycle = town.draft()
    town.clock.advance(days=30)
    with pytest.raises(Invalid, match="every window of that week opened already"):
        town.act(window_planning.plan_scheduled_windows, cycle, PLANNER)


def test_a_planned_window_whose_time_has_come_says_so_on_its_page(town, signed_in):
    planner = signed_in("planner", name="anna", language="en")
    cycle = town.draft()
    town.clock.advance(minutes=5)
    assert "Its opening time is past" in planner.get(f"/console/cycles/{cycle}").text
    answer = planner.post(f"/console/cycles/{cycle}/announce")
    assert answer.status_code == 422
    assert "The window of every route would open at 2026-11-25 09:01 UTC+08:00" in answer.text


def test_terminals_hear_what_the_supply_holds_none_of(town):
    cycle = town.draft(rows=[{"sku": "K1", "supply_units": 130}, {"sku": "K2", "supply_units": 0}])
    town.announce(cycle)

    def missing():
        item = next(item for key, item in feed(town, "R1").items() if key.startswith("window:"))
        return WindowState.model_validate(item.data).unsupplied

    assert {"K2", "WINE"} <= set(missing())
    assert "K1" not in missing()
    town.supply(cycle, [{"sku": "WINE", "supply_units": 60}], correct=True)
    assert "WINE" not in missing()


def test_before_any_supply_is_released_nothing_is_said_to_be_missing(town):
    cycle = town.draft(rows=[])
    town.announce(cycle)
    item = next(item for key, item in feed(town, "R1").items() if key.startswith("window:"))
    assert WindowState.model_validate(item.data).unsupplied == ()
