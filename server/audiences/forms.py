"""An audience as it is ticked and typed in a form."""

import re

from starlette.datastructures import ImmutableMultiDict

from server.audiences.rules import ADDRESSED, HOLDINGS, Addressed
from server.retailers.rules import Audience


def typed(form: ImmutableMultiDict[str, str]) -> Addressed:
    """Return the audience of a form; ``codes`` are parted by spaces, commas or lines."""
    placed = Audience.typed(form.getlist("regions"), form.getlist("routes"), form.getlist("tiers"))
    licence = form.get("licence", "")
    return ADDRESSED.validate_python(
        {
            "regions": placed.regions,
            "routes": placed.routes,
            "tiers": placed.tiers,
            "market_types": tuple(dict.fromkeys(form.getlist("market_types"))),
            "licence_classes": tuple(dict.fromkeys(form.getlist("licence_classes"))),
            "licence": licence if licence in HOLDINGS else None,
            "codes": tuple(dict.fromkeys(re.findall(r"[^\s,;，；、]+", form.get("codes", "")))),
        }
    )
