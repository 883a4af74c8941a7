"""What screens of feedback call things."""

from typing import Final

from server.kit.console.texts import N_

KINDS: Final[dict[str, str]] = {
    "complaint": N_("complaint"),
    "suggestion": N_("suggestion"),
    "question": N_("question"),
}
CATEGORIES: Final[dict[str, str]] = {
    "goods": N_("goods"),
    "delivery": N_("the delivery"),
    "grant": N_("allocation"),
    "price": N_("price"),
    "terminal": N_("terminal"),
    "employee": N_("an employee"),
    "other": N_("something else"),
}
STATES: Final[dict[str, tuple[str, str]]] = {
    "received": (N_("received"), "note"),
    "looked_at": (N_("being looked at"), "wait"),
    "answered": (N_("answered"), "ok"),
    "closed": (N_("closed"), "idle"),
}
SUBJECTS: Final[dict[str, str]] = {
    "order": N_("order"),
    "line": N_("order line"),
    "delivery": N_("delivery"),
    "cycle": N_("cycle"),
    "grant": N_("grant"),
    "tier": N_("tier by the scores"),
    "SKU": N_("SKU"),
    "employee": N_("employee"),
    "visit": N_("visit"),
}
WAYS: Final[dict[str, str]] = {
    "terminal": N_("terminal"),
    "telephone": N_("telephone"),
    "visit": N_("visit"),
    "counter": N_("in person"),
}
DECISIONS: Final[dict[str, tuple[str, str]]] = {
    "upheld": (N_("upheld"), "ok"),
    "dismissed": (N_("dismissed"), "idle"),
}
GRANT_DECISIONS: Final[dict[str, str]] = {
    "credit": N_("upheld: units are credited"),
    "none": N_("upheld: nothing is made good, with a reason"),
}
ENTRIES: Final[dict[str, str]] = {
    "answer": N_("Answer"),
    "note": N_("Note, seen inside only"),
    "pause": N_("Why its clock stands"),
    "reopening": N_("Why it was reopened"),
    "proposal": N_("Proposed answer, which the shop has not read"),
    "no_remedy": N_("Why nothing is made good"),
    "returned": N_("Why the answer was handed back, seen inside only"),
}
REMEDIES: Final[dict[str, tuple[str, str]]] = {
    "proposed": (N_("a second person is to confirm it"), "wait"),
    "confirmed": (N_("confirmed"), "ok"),
    "returned": (N_("handed back"), "stop"),
}
