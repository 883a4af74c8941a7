"""Why a person's input does not fit a cycle, and why a step stopped; sentences marked for translation."""

from collections.abc import Callable, Mapping

from server.kit.fields import Invalid, Reason, Unfit
from server.kit.marking import N_

# Windows and schedules
NO_ZONE = Reason("no_zone", N_("“{zone}” is no time zone. Write it like Asia/Shanghai."))
NO_ROUTE = Reason("no_route", N_("No retailer stands on route {route}. Choose one that has retailers."))
NO_OFFSET = Reason("no_offset", N_("The instant needs its UTC offset, such as 2026-12-07T08:00:00+08:00."))
CLOSES_FIRST = Reason("closes_first", N_("The window closes before it opens. Correct one of the two."))
NO_SCHEDULE = Reason("no_schedule", N_("There is no weekly schedule. Make one, or plan a window by its times."))
NO_WINDOW = Reason("no_window", N_("No window is planned. Plan one first."))
ALL_BESIDE_ONE = Reason(
    "all_beside_one", N_("A window for every route stands beside one for route {route}. Keep one of the two.")
)
NOT_LATER = Reason(
    "not_later",
    N_("{closes} is published as the close. A window can only be made to close later, so that nobody loses time."),
)
OPENS_TOO_SOON = Reason(
    "opens_too_soon",
    N_("The window of route {route} would open at {opens_at}, before the commitment is published. Open it later."),
)
ALL_OPEN_TOO_SOON = Reason(
    "opens_too_soon",
    N_("The window of every route would open at {opens_at}, before the commitment is published. Open it later."),
)
OPENS_IN_THE_PAST = Reason(
    "opens_in_the_past", N_("{opens_at} is past, and a window is announced before it opens. Open it later.")
)
WEEK_IS_PAST = Reason(
    "week_is_past", N_("By the weekly schedules every window of that week opened already. Plan one by its times.")
)

# Policies
POLICY_UNREADABLE = Reason("policy_unreadable", N_("The allocation core cannot use it: {what}"))
POLICY_WITH_SEED = Reason("policy_with_seed", N_("A policy names no seed: it is drawn for each cycle. Take it out."))
POLICY_WITH_VERSION = Reason(
    "policy_with_version",
    N_("{key} is filled in at the freeze, from the scores in force and the newest forecast. Take the line out."),
)
POLICY_FRACTIONS = Reason("policy_fractions", N_("Grants are whole packs. Choose a rounding other than none."))
NOT_A_LIST = Reason("not_a_list", N_("A list is needed here, one row a line in curly brackets."))
NEEDED_KEYS = Reason("needed_keys", N_("A row names exactly these: {keys}."))
NOT_TEXT = Reason("not_text", N_("“{value}” is not text. Put it into quotation marks."))
IN_A_BASKET = Reason(
    "in_a_basket", N_("{sku} is shared in a basket, so it can stand in no bundle. Take it out of one of them.")
)
NOT_A_GROUP = Reason("not_a_group", N_("“{value}” is no group of retailers. Known are: {groups}."))
NOBODY_IN_GROUP = Reason("nobody_in_group", N_("No retailer has {group} “{value}”. Correct it, or take the row out."))
NO_SUCH_RETAILER = Reason("no_such_retailer", N_("There is no retailer {retailer}. Correct it, or write * for all."))

SAME_POLICY = Reason("same_policy", N_("{policy} stands on both sides. Choose two that differ."))
SAME_SCORE_POLICY = Reason(
    "same_score_policy", N_("It says what the policy of the scores in force says. Change something, then ask again.")
)

# Supply
UNKNOWN_COLUMN = Reason("unknown_column", N_("“{column}” is no column of supply. Known are: {columns}."))
NOT_IN_CATALOGUE = Reason("not_in_catalogue", N_("{sku} is not in the catalogue. Correct it, or add it there first."))
UNITS_OR_PACKS = Reason("units_or_packs", N_("Give either supply_units or supply_packs."))
RESERVE_ABOVE = Reason("reserve_above", N_("The reserve, {reserve}, is above the supply, {supply}. Lower it."))
NOT_YES_OR_NO = Reason("not_yes_or_no", N_("“{value}” is neither yes nor no."))
NO_ROWS = Reason("no_rows", N_("There is no row. Give at least one SKU."))
ATTEMPT_REFUSED = Reason("attempt_refused", N_("The book cannot be shared out so: {what}"))

# Corrections after publication
ABOVE_PROMISED = Reason(
    "above_promised",
    N_(
        "The grants are out, and a correction takes care of what is missing or spoilt. There would be more than was"
        " promised of: {skus}. What comes in later belongs to the next cycle."
    ),
)
BELOW_SHIPPED = Reason(
    "below_shipped",
    N_("Goods that have left cannot be taken back: {skus}. Offer at least what has left of each."),
)
LINE_SHIPPED = Reason(
    "line_shipped", N_("{shipped} units of this line have left already and cannot be taken back. Give at least these.")
)

# Manual decisions
NO_SUCH_LINE = Reason("no_such_line", N_("{retailer} has no line of {sku} in the frozen book."))
NOT_WHOLE_PACKS = Reason(
    "not_whole_packs", N_("{units} is no whole number of packs of {pack}. Give units of whole packs.")
)
ABOVE_ELIGIBLE = Reason("above_eligible", N_("{units} is more than the line could get, {most}. Lower it."))
NOTHING_TO_TAKE_BACK = Reason(
    "nothing_to_take_back", N_("Nothing was decided by hand for {retailer}, {sku}. Give the units that it gets.")
)
UNDECIDED = Reason(
    "undecided", N_("Manual decisions wait for a second person: {count}. Have each approved or declined first.")
)


def invalid(where: str, reason: Reason, /, **params: str | int) -> Invalid:
    """Return the refusal of one field, to be raised."""
    return Invalid({where: Unfit(reason, **params)})


class StepStopped(Exception):  # noqa: N818 - the step stops on purpose; nothing of it is stored
    """A step of a cycle cannot be done as things stand: a code of :data:`TROUBLES` and the parameters of its text."""

    def __init__(self, code: str, /, **params: str | int) -> None:
        self.code = code
        self.params = params
        super().__init__(TROUBLES[code].format_map(params))


#: What stopped a step, and what to do about it.
TROUBLES: Mapping[str, str] = {
    "supply_missing": N_(
        "Supply is missing for {count} SKUs that were asked for: {skus}. Add it on the supply page (0 where there is"
        " none); the cycle then goes on by itself."
    ),
    "input_refused": N_("The allocation core refuses the input: {what} Correct it, then try the step again."),
    "input_changed": N_(
        "The frozen book no longer has the hash that it was frozen with ({expected}, now {found}). Nothing was stored."
        " Find out who changed the database before you try again."
    ),
    "not_proven": N_(
        "The solver could not prove its answer within its limit: {what} Take the smallest grant off a SKU with many"
        " lines, or call the cycle off."
    ),
    "answer_refused": N_("The solver's answer failed our own check: {what} Try again, and tell the administrator."),
    "over_granted": N_("More was granted of {sku} than there is. Nothing was stored; tell the administrator."),
    "stopped": N_("{name} stopped it. Nothing of the step was stored. Try it again when it should go on."),
    "unexpected": N_("The step failed: {what} Try it again; if it fails again, tell the administrator."),
}


def trouble_text(code: str, params: Mapping[str, str | int], gettext: Callable[[str], str] = str) -> str:
    """Return the sentence of a stored trouble; an unknown code is shown as it is, never hidden."""
    source = TROUBLES.get(code)
    return code if source is None else gettext(source).format_map(params)
