"""When alerts begin and end: what holds for every rule and every course of a figure."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.fleet import alarm_rules
from server.fleet.alarm_rules import QUIET, Rule, Stand, Told

START = datetime(2026, 11, 25, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    figure = draw(st.sampled_from(["temperature", "disk_free"]))
    low, high = sorted(draw(st.lists(st.integers(0, 20), min_size=2, max_size=2)))
    value, clear = (low, high) if figure in alarm_rules.BAD_BELOW else (high, low)
    times = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    return Rule("r", "r", figure, value, times[0], clear, times[1])


def course(rule: Rule, values: list[float | None]) -> list[Stand]:
    stand, stands = QUIET, []
    for minute, value in enumerate(values):
        stand = alarm_rules.step(rule, stand, value, START + minute * MINUTE)
        stands.append(stand)
    return stands


VALUES = st.lists(st.one_of(st.none(), st.floats(-5, 25)), max_size=40)


@given(rules(), VALUES)
def test_it_opens_after_the_whole_time_beyond_and_ends_after_the_whole_time_back(
    rule: Rule, values: list[float | None]
) -> None:
    sign = -1 if rule.figure in alarm_rules.BAD_BELOW else 1
    alarmed = False
    for minute, stand in enumerate(course(rule, values)):
        is_alarmed = stand.state in {"open", "clearing"}
        if is_alarmed and not alarmed:
            since = values[minute - rule.minutes : minute + 1]
            assert len(since) == rule.minutes + 1
            assert all(one is None or sign * one > sign * rule.value for one in since)
        if alarmed and not is_alarmed:
            since = values[minute - rule.clear_minutes : minute + 1]
            assert len(since) == rule.clear_minutes + 1
            assert all(one is None or sign * one <= sign * rule.clear for one in since)
        alarmed = is_alarmed


@given(rules(), VALUES, st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_between_the_thresholds_nothing_changes(rule: Rule, values: list[float | None], shares: list[float]) -> None:
    stands = course(rule, values)
    before = stands[-1] if stands else QUIET
    between = [rule.clear + share * (rule.value - rule.clear) for share in shares]
    sign = -1 if rule.figure in alarm_rules.BAD_BELOW else 1
    after = course(rule, [*values, *(one for one in between if sign * one > sign * rule.clear)])[len(values) :]
    assert {one.state in {"open", "clearing"} for one in after} <= {before.state in {"open", "clearing"}}


@given(rules(), VALUES)
def test_what_is_unknown_changes_nothing(rule: Rule, values: list[float | None]) -> None:
    stands = [QUIET, *course(rule, values)]
    for minute, value in enumerate(values):
        if value is None:
            assert stands[minute + 1] == stands[minute]


def test_a_built_in_rule_fits_together_and_its_figures_are_reckoned() -> None:
    assert all(alarm_rules.fitting(_built_in(key)) is None for key in alarm_rules.BUILT_IN)
    told = Told(
        offline_s=1200.0,
        queue_age_s=2400,
        clock_offset_ms=-61_000,
        certificate_from=START - timedelta(days=81),
        certificate_until=START + timedelta(days=19),
        disk_free_percent=4.0,
        temperature_c=50.0,
        storage_errors=1,
    )
    figures = {key: alarm_rules.figure(_built_in(key), told, START) for key in alarm_rules.BUILT_IN}
    assert figures == {
        "offline-ordering": 0.0,
        "offline-long": 20.0,
        "queue-old": 40.0,
        "certificate-ends": 19.0,
        "clock-off": 61.0,
        "disk-full": 4.0,
        "hot": 50.0,
        "storage-errors": 1,
    }
    assert alarm_rules.figure(_built_in("offline-ordering"), Told(offline_s=1200.0, ordering=True), START) == 20.0
    assert {alarm_rules.figure(_built_in(key), Told(), START) for key in alarm_rules.BUILT_IN} == {None}


def _built_in(key: str) -> Rule:
    figure, value, minutes, clear, clear_minutes, severity = alarm_rules.BUILT_IN[key]
    return Rule(key, key, figure, value, minutes, clear, clear_minutes, severity=severity)
