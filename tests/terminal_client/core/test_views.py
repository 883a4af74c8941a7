"""What the screens may say."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.feed import BookEntry, Grant, Grants, WindowState
from contract.messages import OrderLine
from terminal_client.core import feed, use_cases
from terminal_client.core.signals import Tick
from terminal_client.core.views import grants, order_list, status, windows
from terminal_client.ui import show

GOLD = [OrderLine(sku="GOLD", quantity_units=12)]


def test_an_order_goes_from_saved_to_sent_to_received_to_granted_and_skips_none(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(3)
    world.wires.http_works = False
    order = use_cases.place_order(world.shop, window.window, GOLD)
    world.run(1)
    reached = [_reached(world, order)]
    world.wires.connect()
    world.engine.handle(_tick(world, 2000))
    reached.append(_reached(world, order))
    world.wires.http_works = True
    world.run(2)
    reached.append(_reached(world, order))
    world.server.tell(f"grants:{window.cycle}:2", "grants", _grants(window, part=2))
    world.run(2)
    reached.append(_reached(world, order))
    world.server.tell(f"grants:{window.cycle}:1", "grants", _grants(window, part=1))
    world.run(2)
    reached.append(_reached(world, order))
    assert reached == [
        ["saved"],
        ["saved", "sent"],
        ["saved", "sent", "received"],
        ["saved", "sent", "received"],
        ["saved", "sent", "received", "granted"],
    ]
    view = order_list.read(world.store, world.shop.clock, order)
    assert (view.granted_units, view.requested_units) == (6, 12)


def test_a_list_with_a_missing_part_says_so(world: Any, make: Any) -> None:
    window = make.window(world)
    world.server.tell(f"grants:{window.cycle}:1", "grants", _grants(window, part=1))
    world.run(2)
    assert grants.read(world.store, world.shop.clock, window.cycle).missing_parts == 1


def test_the_first_commitment_is_remembered_and_no_later_one_takes_its_place(world: Any, make: Any) -> None:
    first, second = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
    window = make.window(world, commitment=first)
    world.run(2)
    changed = window.model_copy(update={"commitment": second})
    world.server.tell(f"window:{window.window}", "window", changed)
    world.run(60)
    seen = feed.seen_commitment(world.store, str(window.cycle))
    assert seen is not None
    assert seen[0] == first


def test_policy_and_weights_are_compared_with_what_was_announced_and_fixed(world: Any, make: Any) -> None:
    sure, other, scores = "ab" * 32, "cd" * 32, "ef" * 32
    window = make.window(world, policy_sha256=other, score_version=scores)
    world.run(60)
    changed = window.model_copy(update={"policy_sha256": sure})  # two persons changed it while it was open
    world.server.tell(f"window:{window.window}", "window", changed)
    world.run(60)
    late = changed.model_copy(update={"policy_sha256": other, "state": "closed"})
    world.server.tell(f"window:{window.window}", "window", late)
    book = BookEntry(
        cycle=window.cycle,
        root="00" * 32,
        lines=(),
        retailer="R-12",
        path=(),
        commitment="11" * 32,
        weights_sha256=sure,
    )
    world.server.tell(f"book:{window.cycle}", "book", book)
    world.run(60)
    opened = book.model_copy(update={"weights_sha256": other, "secret": "22" * 32})
    world.server.tell(f"book:{window.cycle}", "book", opened)
    told = _grants(window, part=1).model_copy(update={"policy_sha256": sure, "weights_sha256": sure, "parts": 1})
    results = []
    for changes in ({}, {"policy_sha256": other}, {"weights_sha256": other}, {"score_version": other}):
        world.server.tell(f"grants:{window.cycle}:1", "grants", told.model_copy(update=changes))
        world.run(60)
        terms = grants.read(world.store, world.shop.clock, window.cycle).terms
        results.append((terms.policy_kept, terms.weights_kept, terms.scores_kept, terms.holds))
    assert results == [
        (True, True, None, True),
        (False, True, None, False),
        (True, False, None, False),
        (True, True, False, True),
    ]


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("opens_at", "closes_at", "shown"),
    [
        ("2027-03-27T16:00+01:00", "2027-03-28T16:00+02:00", "23:00:00"),
        ("2027-10-30T16:00+02:00", "2027-10-31T16:00+01:00", "1 day 1 h"),
        ("2027-03-20T16:00+01:00", "2027-03-21T16:00+01:00", "1 day 0 h"),
    ],
)
def test_the_countdown_counts_real_hours_when_the_clocks_change(
    world: Any, make: Any, plain_texts: Any, opens_at: str, closes_at: str, shown: str
) -> None:
    opens, closes = datetime.fromisoformat(opens_at), datetime.fromisoformat(closes_at)
    make.window(world, opens_at=opens, closes_at=closes)
    world.clock.at_ms = round(opens.timestamp() * 1000)
    world.run(0.2)
    view = windows.current(world.store, world.shop.clock)
    assert view is not None
    assert show.countdown(view.remaining_ms + 200, plain_texts) == shown


def test_a_deadline_across_a_change_of_the_clocks_shows_its_distance_from_utc(plain_texts: Any) -> None:
    here = show.zone(BERLIN)
    saturday = datetime(2027, 3, 27, 12, tzinfo=UTC)
    closing = datetime(2027, 3, 28, 14, tzinfo=UTC)
    assert show.moment(closing, now=saturday, here=here, texts=plain_texts) == "Sun 16:00 UTC+2"
    twice = datetime(2027, 11, 7, 5, 30, tzinfo=UTC)
    shown = show.moment(twice, now=twice - timedelta(hours=1), here=show.zone("America/New_York"), texts=plain_texts)
    assert shown == "01:30 UTC−4"
    summer = datetime(2027, 7, 4, 14, tzinfo=UTC)
    assert show.moment(summer, now=summer - timedelta(hours=2), here=here, texts=plain_texts) == "16:00"


@pytest.mark.parametrize(
    ("remaining_s", "shown"),
    [(0, "00:00:00"), (86_399, "23:59:59"), (86_400, "1 day 0 h"), (2 * 86_400 + 3 * 3600 + 59, "2 days 3 h")],
)
def test_what_is_left_beyond_a_day_is_said_in_days(plain_texts: Any, remaining_s: int, shown: str) -> None:
    assert show.countdown(remaining_s * 1000, plain_texts) == shown


def test_a_moment_beyond_a_week_says_its_day_and_in_another_year_the_year(plain_texts: Any) -> None:
    now = datetime(2027, 12, 1, 12, tzinfo=UTC)
    here = show.zone("UTC")
    assert show.moment(now + timedelta(days=20), now=now, here=here, texts=plain_texts) == "21 Dec 12:00"
    assert show.moment(now + timedelta(days=40), now=now, here=here, texts=plain_texts) == "2028-01-10 12:00"


def test_the_open_window_that_closes_first_is_the_one_that_counts(world: Any, make: Any) -> None:
    make.window(world, closes_in=timedelta(hours=5))
    soon = make.window(world, closes_in=timedelta(hours=1))
    make.window(world, closes_in=-timedelta(hours=1), state="published")
    world.run(2)
    view = windows.current(world.store, world.shop.clock)
    assert view is not None
    assert view.window == soon.window


def test_an_announced_window_is_not_open_before_its_hour(world: Any, make: Any, plain_texts: Any) -> None:
    opens_at = world.server.now() + timedelta(hours=1)
    make.window(world, opens_at=opens_at, closes_in=timedelta(hours=2), state="announced")
    world.run(2)
    view = windows.current(world.store, world.shop.clock)
    assert view is not None
    assert (view.phase, show.countdown(view.remaining_ms, plain_texts)) == ("before", "00:59:58")


def test_a_window_called_off_is_closed_whatever_its_hours_say(world: Any, make: Any) -> None:
    make.window(world, state="called_off")
    world.run(2)
    view = windows.current(world.store, world.shop.clock)
    assert view is not None
    assert view.phase == "closed"


def test_the_banner_tells_queue_and_link_as_they_are(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(2)
    assert status.banner(world.store, world.shop.clock, world.engine).link == "http"
    world.wires.http_works = False
    use_cases.place_order(world.shop, window.window, GOLD)
    world.run(40)
    banner = status.banner(world.store, world.shop.clock, world.engine)
    assert (banner.link, banner.queue_length) == ("searching", 1)


def _reached(world: Any, order: Any) -> list[str]:
    view = order_list.read(world.store, world.shop.clock, order)
    assert view is not None
    return [step.station for step in view.steps if step.at_ms is not None]


def _tick(world: Any, ms: int) -> Any:
    world.clock.forward(ms)
    return Tick()


def _grants(window: WindowState, *, part: int) -> Grants:
    line = Grant(
        sku="GOLD" if part == 1 else "BLUE",
        requested_units=12,
        eligible_units=12,
        granted_units=6,
        weight=10,
        share="0.6",
        reason="supply",
        bound_by="supply:GOLD",
        supply_units=60,
        asked_units=120,
    )
    return Grants(
        cycle=window.cycle,
        name=window.name,
        part=part,
        parts=2,
        released_at=window.closes_at,
        policy="p",
        seed="s",
        input_sha256="i",
        result_sha256="r",
        lines=(line,),
    )
