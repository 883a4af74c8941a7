"""What a confirmed line means: counts add up or are refused, and nothing is ever negative."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Rejected
from contract.messages import ConfirmedLine, Difference
from server.deliveries import rules

UNITS = st.integers(0, 200)


@st.composite
def right_lines(draw: st.DrawFn) -> tuple[int, ConfirmedLine]:
    """A shipped quantity and any line that a shopkeeper can truthfully confirm of it."""
    shipped = draw(st.integers(1, 200))
    kind: Difference | None = draw(
        st.sampled_from([None, "short", "over", "damaged", "wrong_item", "wrong_pack", "refused"])
    )
    if kind is None:
        return shipped, ConfirmedLine(sku="A", accepted_units=shipped)
    if kind == "over":
        surplus = draw(st.integers(1, 200))
        held = draw(st.integers(0, surplus))
        return shipped, ConfirmedLine(
            sku="A",
            accepted_units=shipped + surplus - held,
            held_units=held,
            difference="over",
            difference_units=surplus,
            reason="more",
        )
    differs = draw(st.integers(1, shipped))
    replaced = kind in rules.REPLACED
    held = draw(st.integers(0, 0 if kind == "short" else differs))
    return shipped, ConfirmedLine(
        sku="A",
        accepted_units=shipped - differs,
        held_units=held,
        difference=kind,
        difference_units=differs,
        other_sku="B" if replaced else None,
        other_units=draw(UNITS) if replaced else 0,
        reason="so it is",
    )


@st.composite
def any_lines(draw: st.DrawFn) -> ConfirmedLine:
    return ConfirmedLine(
        sku="A",
        accepted_units=draw(UNITS),
        held_units=draw(UNITS),
        difference=draw(st.sampled_from([None, "short", "over", "damaged", "wrong_item", "wrong_pack", "refused"])),
        difference_units=draw(UNITS),
        other_sku=draw(st.sampled_from([None, "A", "B"])),
        other_units=draw(st.sampled_from([0, 7])),
        reason=draw(st.sampled_from([None, " ", "broken"])),
    )


def _balanced(shipped: int, line: ConfirmedLine) -> bool:
    found = rules.account(line)
    parts = (
        found.accepted_units,
        found.held_units,
        found.missing_units,
        found.sent_back_units,
        found.surplus_units,
    )
    gone = found.accepted_units + found.held_units + found.missing_units + found.sent_back_units
    return min(parts) >= 0 and shipped + found.surplus_units == gone


def _refusal(shipped: int, line: ConfirmedLine) -> Rejected | None:
    try:
        rules.check_line(shipped, line)
    except Rejected as refusal:
        return refusal
    return None


@given(right_lines())
def test_what_was_shipped_is_accepted_held_missing_or_sent_back(case):
    shipped, line = case
    rules.check_line(shipped, line)
    assert _balanced(shipped, line)


@given(st.integers(1, 200), any_lines())
def test_whatever_is_let_through_balances_and_is_never_negative(shipped, line):
    refusal = _refusal(shipped, line)
    if refusal is not None:
        assert refusal.params["sku"] == "A"
        assert int(refusal.params.get("counted", 0)) >= 0
        return
    assert _balanced(shipped, line)
    assert all(booking.on_hand_units >= 0 and booking.held_units >= 0 for booking in rules.bookings([line]))
    assert line.difference is None or line.reason


@given(right_lines())
def test_the_stock_gets_what_was_accepted_and_what_came_instead(case):
    _, line = case
    booked = {booking.sku: booking for booking in rules.bookings([line])}
    on_hand = sum(booking.on_hand_units for booking in booked.values())
    held = sum(booking.held_units for booking in booked.values())
    assert (on_hand, held) == (line.accepted_units + line.other_units, line.held_units)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=400))
def test_notices_hold_every_line_once_and_none_is_too_long(lines):
    parts = [list(part) for part in rules.notices(lines)]
    assert [line for part in parts for line in part] == lines
    assert max(len(part) for part in parts) <= rules.LINES_PER_NOTICE


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        (ConfirmedLine(sku="A", accepted_units=20), 20),
        (ConfirmedLine(sku="A", accepted_units=24, held_units=2), 26),
        (ConfirmedLine(sku="A", accepted_units=20, difference="short", difference_units=3, reason="r"), 23),
        (ConfirmedLine(sku="A", accepted_units=24, difference="over", difference_units=3, reason="r"), 21),
        (ConfirmedLine(sku="A", accepted_units=0, difference="over", difference_units=3, reason="r"), 0),
        (
            ConfirmedLine(sku="A", accepted_units=20, held_units=4, difference="short", difference_units=4, reason="r"),
            24,
        ),
    ],
)
def test_counts_that_do_not_make_what_was_shipped_are_refused_with_the_numbers(line, counted):
    with pytest.raises(Rejected) as refused:
        rules.check_line(24, line)
    assert refused.value.code == "counts_differ"
    assert refused.value.params == {"sku": "A", "shipped": 24, "counted": counted}


def test_a_difference_needs_a_reason():
    line = ConfirmedLine(sku="A", accepted_units=0, difference="refused", difference_units=10)
    with pytest.raises(Rejected) as refused:
        rules.check_line(10, line)
    assert (refused.value.code, refused.value.params) == ("reason_missing", {"sku": "A"})


@pytest.mark.parametrize("kind", ["wrong_item", "wrong_pack"])
def test_what_came_instead_must_be_named(kind):
    line = ConfirmedLine(sku="A", accepted_units=0, difference=kind, difference_units=24, reason="r")
    with pytest.raises(Rejected, match="counts given"):
        rules.check_line(24, line)


def test_the_wrong_item_is_another_item_but_a_wrong_pack_may_hold_the_same():
    def came(kind: Difference) -> ConfirmedLine:
        return ConfirmedLine(
            sku="A",
            accepted_units=0,
            difference=kind,
            difference_units=24,
            other_sku="A",
            other_units=24,
            reason="singles instead of boxes",
        )

    with pytest.raises(Rejected):
        rules.check_line(24, came("wrong_item"))
    rules.check_line(24, came("wrong_pack"))
    assert rules.bookings([came("wrong_pack")]) == [rules.Booking("A", 24, 0)]


@pytest.mark.parametrize(
    ("skus", "code"),
    [(["A"], "line_missing"), (["A", "B", "C"], "unknown_line"), (["A", "A", "B"], "line_twice")],
)
def test_every_shipped_line_is_confirmed_exactly_once(skus, code):
    lines = [ConfirmedLine(sku=sku, accepted_units=5) for sku in skus]
    with pytest.raises(Rejected) as refused:
        rules.check_confirmation({"A": 5, "B": 5}, lines)
    assert refused.value.code == code


def test_goods_of_a_suspended_shop_stay_with_the_reason():
    assert rules.hold("suspended", "unpaid", {}, ()) == rules.Hold("suspended", "unpaid")


def test_goods_stay_where_a_licence_is_missing_and_the_line_is_named():
    needed = {"K2": "spirits", "K1": "tobacco"}
    assert rules.hold("good", None, needed, {"tobacco"}) == rules.Hold("not_licensed", "K2 (spirits)")
    assert rules.hold("good", None, needed, {"tobacco", "spirits"}) is None
