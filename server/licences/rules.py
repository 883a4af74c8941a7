"""Pure decisions about licences."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from server.kit.fields import Reason, Unfit
from server.kit.marking import N_

EXPIRING_DAYS = 60

LAST_BEFORE_FIRST = Reason("last_before_first", N_("The last day lies before the first, {first}."))
REASON_NEEDED = Reason("reason_needed", N_("A licence is suspended or cancelled for a reason. Write it."))

Stand = Literal["valid", "expiring", "expired", "coming", "suspended", "cancelled"]


def is_sound(licence: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what is wrong with a licence as a whole: its span, or a missing reason."""
    if licence["valid_until"] < licence["valid_from"]:
        return "valid_until", Unfit(LAST_BEFORE_FIRST, first=licence["valid_from"].isoformat())
    if licence["state"] != "valid" and not licence["state_reason"]:
        return "state_reason", Unfit(REASON_NEEDED)
    return None


def stand(state: str, valid_from: date, valid_until: date, on: date) -> Stand:
    """Return how a licence stands on a day; first and last day are included."""
    if state != "valid":
        return "suspended" if state == "suspended" else "cancelled"
    if on < valid_from:
        return "coming"
    if on > valid_until:
        return "expired"
    return "expiring" if (valid_until - on).days < EXPIRING_DAYS else "valid"
