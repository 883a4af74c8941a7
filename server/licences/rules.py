"""Pure decisions about licences."""

from collections.abc import Mapping
from typing import Any

from server.kit.fields import Reason, Unfit
from server.kit.marking import N_

LAST_BEFORE_FIRST = Reason("last_before_first", N_("The last day lies before the first, {first}."))
REASON_NEEDED = Reason("reason_needed", N_("A licence is suspended or cancelled for a reason. Write it."))


def is_sound(licence: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what is wrong with a licence as a whole: its span, or a missing reason."""
    if licence["valid_until"] < licence["valid_from"]:
        return "valid_until", Unfit(LAST_BEFORE_FIRST, first=licence["valid_from"].isoformat())
    if licence["state"] != "valid" and not licence["state_reason"]:
        return "state_reason", Unfit(REASON_NEEDED)
    return None
