"""My licence and standing: what the shop may order today, and what ends when."""

from datetime import date, timedelta
from typing import Any

import pytest

from contract.device_api import Licence, Reference
from terminal_client.core.views import licence

TODAY = date(2027, 3, 21)


def held(days: int, *, begins: int = -300, number: str = "L-1", **more: Any) -> Licence:
    """A licence of class C whose last day lies so many days ahead."""
    first, last = TODAY + timedelta(days=begins), TODAY + timedelta(days=days)
    return Licence(licence_class="C", number=number, valid_from=first, valid_until=last, **more)


@pytest.fixture
def known(make: Any) -> Any:
    """A reference with an item for everybody and two that need class C."""

    def of(*licences: Licence, **more: Any) -> Reference:
        items = [make.item("A"), *(make.item(sku, licence_class="C") for sku in ("B", "D"))]
        reference: Reference = make.reference(*items)
        return reference.model_copy(update={"licences": licences} | more)

    return of


@pytest.mark.parametrize(
    ("days", "meaning", "left"),
    [(60, "open", 61), (59, "ends", 60), (0, "ends", 1), (-1, "shut", None)],
    ids=["61st day", "60th day", "last day", "a day too late"],
)
def test_the_warning_comes_sixty_days_before_the_end_and_the_last_day_still_counts(
    known: Any, days: int, meaning: str, left: int | None
) -> None:
    view = licence.read(known(held(days)), TODAY)
    assert view is not None
    assert view.classes is not None
    (one,) = view.classes

    assert (one.meaning, one.days_left, one.items, view.free) == (meaning, left, 2, 1)
    assert (view.warned is None) == (meaning == "open")


def test_a_licence_that_follows_without_a_gap_takes_the_warning_away(known: Any) -> None:
    following = licence.read(known(held(10), held(400, begins=11, number="L-2")), TODAY)
    with_gap = licence.read(known(held(10), held(400, begins=12, number="L-2")), TODAY)
    assert following is not None
    assert with_gap is not None

    assert following.warned is None
    assert with_gap.warned is not None
    assert with_gap.warned.until == TODAY + timedelta(days=10)


def test_a_class_without_a_licence_is_shut_and_a_suspended_one_says_why(known: Any) -> None:
    without = licence.read(known(), TODAY)
    suspended = licence.read(known(held(90, state="suspended", reason="unpaid")), TODAY)
    assert without is not None
    assert suspended is not None
    assert without.classes
    assert suspended.classes

    assert (without.classes[0].meaning, without.classes[0].held) == ("shut", ())
    assert (suspended.classes[0].meaning, suspended.classes[0].held[0].stands) == ("shut", "suspended")


def test_a_server_that_does_not_tell_is_not_taken_for_a_shop_without_licences(known: Any) -> None:
    view = licence.read(known(licences=None), TODAY)
    assert view is not None
    assert (view.classes, view.warned) == (None, None)
    assert licence.read(None, TODAY) is None
