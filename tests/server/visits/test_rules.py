"""What is due by the rules, and whom a month's lot falls on."""

import hashlib
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from server.visits.rules import Claimed, Contacts, Rule, Shop, due, read, sample, seed, written

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 25)
BEGAN = date(2026, 11, 1)
WEEKLY = Rule("class-a", "Class A", "visit", "interval", "manager", BEGAN, days=7, tiers=(1,))
AFTER = Rule("after-a-claim", "Director", "call", "claim", "regional", BEGAN, days=10)
MONTHLY = Rule("month-sample", "Sample", "call", "sample", "administrator", BEGAN, shops=3, markets=("town",))
NOBODY = Contacts({}, {}, {})


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)


def shop(code: str, *, tier: int = 1, market: str = "town", since: date = date(2020, 1, 1)) -> Shop:
    return Shop(code, tier, market, "city", since)


def found(rule, shops, *, claims=(), contacts=NOBODY, until=TODAY + timedelta(days=60)):
    return {
        one.retailer: (one.due_on, one.after) for one in due([rule], shops, claims, contacts, today=TODAY, until=until)
    }


def test_class_a_is_due_seven_days_after_the_last_visit_and_a_new_rule_gives_a_week() -> None:
    last = Contacts({("R1", "visit"): date(2026, 11, 20), ("R2", "call"): date(2026, 11, 24)}, {}, {})
    shops = [shop("R1"), shop("R2"), shop("R3", tier=2), shop("R4", since=date(2026, 11, 24))]
    assert found(WEEKLY, shops, contacts=last) == {
        "R1": (date(2026, 11, 27), date(2026, 11, 20)),
        "R2": (date(2026, 11, 7), None),  # a call is no visit
        "R4": (date(2026, 11, 30), None),
    }
    assert set(found(WEEKLY, shops, contacts=last, until=TODAY)) == {"R2"}


def test_the_director_calls_within_ten_days_of_a_claim_once() -> None:
    claims = [
        Claimed("R1", 7, at(date(2026, 11, 20))),
        Claimed("R1", 9, at(date(2026, 11, 22))),
        Claimed("R2", 8, at(date(2026, 10, 20))),
    ]
    due_now = due([AFTER], [shop("R1"), shop("R2")], claims, NOBODY, today=TODAY, until=TODAY + timedelta(days=30))
    assert [(one.retailer, one.number, one.due_on) for one in due_now] == [("R1", 7, date(2026, 11, 30))]
    heard = Contacts({}, {("R1", "after-a-claim"): at(date(2026, 11, 21))}, {})
    again = due([AFTER], [shop("R1")], claims, heard, today=TODAY, until=TODAY + timedelta(days=30))
    assert [one.number for one in again] == [9]  # the later claim was not spoken of


def test_a_call_that_reached_nobody_is_still_due_and_says_when_to_try_again() -> None:
    tried = Contacts({}, {}, {("R1", "after-a-claim"): date(2026, 11, 27)})
    (one,) = due(
        [AFTER], [shop("R1")], [Claimed("R1", 7, at(date(2026, 11, 20)))], tried, today=TODAY, until=date(2026, 12, 31)
    )
    assert (one.due_on, one.try_on) == (date(2026, 11, 30), date(2026, 11, 27))


def test_whoever_knows_the_seed_draws_the_same_shops() -> None:
    shops = [shop(f"R{number}") for number in range(50)] + [shop("V1", market="village")]
    month = date(2026, 11, 1)
    assert seed(MONTHLY, month) == "month-sample/2026-11-01/2026-11"
    byhand = sorted(
        (one.code for one in shops if one.market_type == "town"),
        key=lambda code: hashlib.sha256(f"month-sample/2026-11-01/2026-11/{code}".encode()).hexdigest(),
    )[:3]
    assert sample(MONTHLY, shops, month) == byhand
    assert sample(MONTHLY, reversed(shops), month) == byhand
    assert sample(MONTHLY, shops, date(2026, 12, 1)) != byhand
    called = Contacts({}, {(byhand[0], "month-sample"): at(date(2026, 11, 3))}, {})
    assert set(found(MONTHLY, shops, contacts=called, until=date(2026, 11, 30))) == set(byhand[1:])


def test_a_claim_of_the_same_day_after_the_call_makes_another_one_due() -> None:
    day = date(2026, 11, 20)
    claims = [Claimed("R1", 7, at(day, 8)), Claimed("R1", 9, at(day, 15))]
    heard = Contacts({}, {("R1", "after-a-claim"): at(day, 9)}, {})
    numbers = [one.number for one in due([AFTER], [shop("R1")], claims, heard, today=TODAY, until=date(2026, 12, 31))]
    assert numbers == [9]
    both = Contacts({}, {("R1", "after-a-claim"): at(day, 16)}, {})
    assert due([AFTER], [shop("R1")], claims, both, today=TODAY, until=date(2026, 12, 31)) == []


def lots(shops, contacts, today, until, drawn_from):
    listed = due([MONTHLY], shops, [], contacts, today=today, until=until, drawn_from=drawn_from)
    return {(one.retailer, one.due_on) for one in listed}


def test_who_was_not_reached_last_month_is_late_and_next_months_lot_is_seen_ahead() -> None:
    shops = [shop(f"R{number:02d}") for number in range(40)]
    months = [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    november, december, january = (sample(MONTHLY, shops, month) for month in months)
    assert not {*november} & {*december}
    called = Contacts({}, {(november[0], "month-sample"): at(date(2026, 11, 28))}, {})
    late = {(code, date(2026, 11, 30)) for code in november[1:]}
    now = {(code, date(2026, 12, 31)) for code in december}
    ahead = {(code, date(2027, 1, 31)) for code in january if code not in {*november[1:], *december}}
    today = date(2026, 12, 9)
    assert lots(shops, called, today, date(2026, 12, 30), shops) == late
    assert lots(shops, called, today, date(2027, 1, 31), shops) == late | now | ahead
    assert lots(shops, NOBODY, date(2026, 11, 25), date(2026, 11, 30), shops) == {
        (code, date(2026, 11, 30)) for code in november
    }  # before the rule began nothing was due


def test_the_lot_is_drawn_of_all_shops_whoever_asks_and_stays_the_same_for_the_month() -> None:
    shops = [shop(f"R{number:02d}") for number in range(40)]
    some, last = shops[::4], date(2026, 11, 30)
    drawn = {*sample(MONTHLY, shops, BEGAN)}
    assert {code for code, _ in lots(some, NOBODY, TODAY, last, shops)} == drawn & {one.code for one in some}
    new = [shop(f"N{number:02d}", since=date(2026, 11, 9)) for number in range(40)]
    closed = [replace(one, closed=date(2026, 11, 9)) if one.code in drawn else one for one in shops]
    assert {*sample(MONTHLY, [*closed, *new], BEGAN)} == drawn


def test_the_lot_is_fair_over_the_months() -> None:
    shops = [shop(f"R{number}") for number in range(30)]
    drawn: dict[str, int] = {}
    for number in range(600):
        month = date(2020 + number // 12, number % 12 + 1, 1)
        for code in sample(MONTHLY, shops, month):
            drawn[code] = drawn.get(code, 0) + 1
    assert min(drawn.values()) > 35  # 60 each are expected, with a spread of 7.3
    assert max(drawn.values()) < 85


RULES = st.builds(
    Rule,
    key=st.just("one"),
    name=st.text(min_size=1, max_size=20),
    sort=st.sampled_from(["visit", "call"]),
    when=st.sampled_from(["interval", "claim", "sample"]),
    who=st.sampled_from(["manager", "regional"]),
    since=st.dates(date(2026, 1, 1), TODAY),
    days=st.integers(1, 30),
    shops=st.integers(0, 5),
    tiers=st.lists(st.integers(1, 3), max_size=2).map(tuple),
    questions=st.lists(st.text(min_size=1, max_size=9), max_size=3).map(tuple),
)


@given(RULES, st.permutations([shop(f"R{n}", tier=n % 3 + 1) for n in range(8)]))
def test_the_order_of_the_shops_changes_nothing_and_a_rule_is_stored_as_it_is(rule: Rule, shops: list[Shop]) -> None:
    assert read(written(rule)) == rule
    claims = [Claimed("R1", 1, at(TODAY - timedelta(days=3))), Claimed("R5", 2, at(TODAY))]
    until = TODAY + timedelta(days=20)
    listed = due([rule], shops, claims, NOBODY, today=TODAY, until=until)
    assert listed == due(
        [rule], sorted(shops, key=lambda one: one.code), claims[::-1], NOBODY, today=TODAY, until=until
    )
    assert all(one.due_on <= until for one in listed)
    assert len({one.retailer for one in listed}) == len(listed)
