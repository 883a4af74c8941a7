"""Why a line was granted so, in a shopkeeper's words; every reason of the contract has its sentence."""

from contract.feed import Bar, Grant, Reason
from terminal_client.core.suggesting import Suggestion
from terminal_client.core.views.grants import Bound
from terminal_client.ui.show import N_

#: The one line under an item's name.
SHORT: dict[Reason, str] = {
    "filled": N_("everything you asked for"),
    "capped": N_("up to your limit"),
    "supply": N_("shared out fairly"),
    "credit": N_("your credit was used up"),
    "quota": N_("your group's share was used up"),
    "lottery": N_("the last boxes were drawn by lot"),
    "floor": N_("the least that everyone gets"),
    "ineligible": N_("could not be granted to this shop"),
    "priority": N_("others come first by the published rules"),
    "adjusted": N_("decided by hand, by two persons"),
}

#: The sentences of the panel; fields are those of :class:`contract.feed.Grant`.
LONG: dict[Reason, str] = {
    "filled": N_("You asked for {requested_units} and got {granted_units}. There was enough for you."),
    "capped": N_(
        "You asked for {requested_units}; up to {eligible_units} could be counted for your shop, and all of"
        " that was granted."
    ),
    "supply": N_(
        "There were {supply_units} for {asked_units} asked. Every shop was filled to the same share of its"
        " weight, as far as whole boxes allow. Nobody with a smaller share was passed over."
    ),
    "credit": N_("Your credit was used up before this line was full. The goods themselves were not the obstacle."),
    "quota": N_(
        "The share set aside for your group of shops was used up. Inside the group everyone was filled evenly."
    ),
    "lottery": N_(
        "There were {supply_units} for {asked_units} asked. The last boxes could not reach every shop with the"
        " same share, so a lot decided, and it fell to others. Nobody could steer it: you can check the draw"
        " yourself."
    ),
    "floor": N_(
        "There were {supply_units} for {asked_units} asked. You got the least that every shop is owed; your"
        " weight alone would have given less."
    ),
    "ineligible": N_(
        "On the day of sharing out, this item could not be granted to your shop: a licence, your standing or"
        " the smallest box stood in the way. The distributor can tell you which."
    ),
    "priority": N_("By the published rules another group of shops is served first, and it took what there was."),
    "adjusted": N_(
        "Two persons at the distributor decided this line by hand: {granted_units} of {requested_units}. It stays"
        " marked, and the distributor can tell you why."
    ),
}

#: Of a line that lost a draw within another limit than the supply, by the sort of that limit.
DRAWN_WITHIN: dict[Bound, str] = {
    "credit": N_(
        "Your credit had room for one more box, and several of your lines had the same turn: a lot gave it to another"
        " of your lines. The goods themselves were not the obstacle. Nobody could steer it: you can check the draw"
        " yourself."
    ),
    "units": N_(
        "Your shop's total limit had room for one more box, and several of your lines had the same turn: a lot gave it"
        " to another of your lines. Nobody could steer it: you can check the draw yourself."
    ),
    "quota": N_(
        "Your group's share had room for one more box, and several in the group had the same turn: a lot gave it to"
        " another. Nobody could steer it: you can check the draw yourself."
    ),
    "other": N_(
        "A rule had room for one more box, and several lines had the same turn: a lot gave it to another. Nobody could"
        " steer it: you can check the draw yourself."
    ),
}

#: What stood in the way of a line that could be granted nothing.
BARRED: dict[Bar, str] = {
    "standing": N_(
        "On the day of sharing out, your shop was suspended, so nothing could be granted to it. *My licence* says since"
        " when and why."
    ),
    "licence": N_(
        "On the day of sharing out, your shop held no valid licence for this kind of goods. *My licence* shows which"
        " you hold and until when."
    ),
    "withdrawn": N_(
        "This item was withdrawn between your order and the day of sharing out, so nobody could be granted any."
    ),
    "pack": N_(
        "What you asked for, or the limit of your shop, came to less than the smallest box of this item, and boxes are"
        " never opened."
    ),
}

#: What stopped a line, by the sort of constraint.
BOUNDS: dict[Bound, str] = {
    "supply": N_("the supply"),
    "credit": N_("your credit"),
    "units": N_("your shop's total limit"),
    "quota": N_("your group's share"),
    "other": N_("another rule"),
}


def advice(suggestion: Suggestion) -> list[tuple[str, dict[str, object]]]:
    """Return the pieces of the sentence that says why so much is suggested: message ids and their fields."""
    known = suggestion.known
    pieces: list[tuple[str, dict[str, object]]] = [(N_("last time {last}"), {"last": known.last_units})]
    if known.granted_units is not None and known.granted_units < known.last_units:
        pieces.append((N_("got {granted}"), {"granted": known.granted_units}))
    if known.on_hand_units is not None:
        pieces.append((N_("in stock {stock}"), {"stock": known.on_hand_units}))
    if known.percent:
        says = N_("forecast {percent} percent more") if known.percent > 0 else N_("forecast {percent} percent less")
        pieces.append((says, {"percent": abs(known.percent)}))
    if suggestion.capped:
        pieces.append((N_("your limit"), {}))
    return pieces


def short(grant: Grant, bound: Bound) -> str:
    """Return the message id of the line under an item's name."""
    if grant.reason == "lottery" and bound == "credit":
        return SHORT["credit"]
    if grant.reason == "lottery" and bound in DRAWN_WITHIN:
        return N_("a lot decided within a limit")
    return SHORT[grant.reason]


def why(grant: Grant, bound: Bound) -> tuple[str, dict[str, int]]:
    """Return the message id of a grant's sentence and its fields; ``bound`` is what stopped it."""
    fields = grant.model_dump(
        include={"requested_units", "eligible_units", "granted_units", "supply_units", "asked_units"}
    )
    if grant.reason == "lottery" and bound in DRAWN_WITHIN:
        return DRAWN_WITHIN[bound], fields
    if grant.reason == "ineligible" and grant.barred_by is not None:
        return BARRED[grant.barred_by], fields
    return LONG[grant.reason], fields
