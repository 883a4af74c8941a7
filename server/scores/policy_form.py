"""A score policy as a person types it: fields or text, read into a policy with every fault at its field. Pure."""

import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, Field

from allocation.errors import InputError
from allocation.limits import WEIGHT_MAX
from allocation.scoring.policy import COMPONENTS, GUARD_RANGES, POINTS, RANGES, Guards, ScorePolicy
from server.kit.fields import EMPTY, Invalid, Reason, Unfit, Whole
from server.kit.marking import N_

Act = Literal["write", "show", "text"]

NOT_A_POLICY: Final = Reason("score_policy", N_("This is no score policy: {what}."))
NO_NAME: Final = Reason("score_policy_name", N_("Give the policy a name without control characters, such as 2027-1."))
NOT_HUNDRED: Final = Reason("score_weights", N_("The weights of all components make {value} together, not 100."))
TREND_TOO_LONG: Final = Reason("score_trend", N_("Twice {value} days do not fit into the window. Shorten the trend."))
BOUNDS: Final = Reason(
    "score_bounds",
    N_("Each tier but the last needs its least score, below that of the better one. {value} does not fit."),
)
TABLE: Final = Reason(
    "score_table", N_("Each tier needs its weight, never above that of the better tier. {value} does not fit.")
)
_REASONS: Final[Mapping[str, Reason]] = {
    "version": NO_NAME,
    "weights": NOT_HUNDRED,
    "trend_days": TREND_TOO_LONG,
    "bounds_points": BOUNDS,
    "tier_weights": TABLE,
}
_PERCENT: Final = Whole(0, 100)
_BOUND: Final = Whole(1, POINTS)
_WEIGHT: Final = Whole(1, WEIGHT_MAX)


class PolicyForm(BaseModel):
    """What stands in the form, as it was typed. With act ``text`` the text counts, else the fields."""

    act: Act = "write"
    text: str = Field(default="", max_length=100_000)
    reason: str = Field(default="", max_length=1000)
    seen: str = Field(default="", max_length=20)
    version: str = Field(default="", max_length=200)
    weight: list[str] = []
    window_days: str = ""
    trend_days: str = ""
    shrink_periods: str = ""
    peers_min: str = ""
    tiers: str = ""
    margin_points: str = ""
    tier_moves_max: str = ""
    bound: list[str] = []
    tier_weight: list[str] = []
    largest_share_permille: str = ""
    small_part_percent: str = ""
    small_floor_percent: str = ""

    @property
    def weights(self) -> dict[str, str]:
        """What was typed for each component."""
        typed = zip_longest(COMPONENTS, self.weight[: len(COMPONENTS)], fillvalue="")
        return {name: cell.strip() for name, cell in typed}

    @property
    def total(self) -> int:
        """The sum of the weights that can be read."""
        return sum(int(cell) for cell in self.weights.values() if re.fullmatch("[0-9]{1,3}", cell))

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Bound and weight of each tier, as they were typed."""
        return list(zip_longest(self.bound, self.tier_weight, fillvalue=""))


def filled(policy: ScorePolicy, *, reason: str = "", act: Act = "write") -> PolicyForm:
    """Return the form as it stands for a policy."""
    said = policy.as_dict()
    return PolicyForm(
        act=act,
        text=policy.to_toml(),
        reason=reason,
        version=policy.version,
        weight=[str(policy.weights[name]) for name in COMPONENTS],
        bound=[str(bound) for bound in policy.bounds_points],
        tier_weight=[str(weight) for weight in policy.tier_weights],
        **{name: str(said[name]) for name in RANGES},
        **{name: str(said["guards"][name]) for name in GUARD_RANGES},
    )


def read(form: PolicyForm) -> tuple[ScorePolicy, str]:
    """Return the policy that was typed, and its text.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    if form.act == "text":
        return read_text(form.text), form.text
    problems: dict[str, Unfit] = {}

    def number(where: str, kind: Whole, typed: str) -> int:
        try:
            return kind.read(typed.strip())
        except Unfit as unfit:
            problems[where] = unfit
            return 0

    numbers = {name: number(name, Whole(*RANGES[name]), getattr(form, name)) for name in RANGES}
    guards = {name: number(name, Whole(*GUARD_RANGES[name]), getattr(form, name)) for name in GUARD_RANGES}
    weights = {name: number(f"weights.{name}", _PERCENT, typed or "0") for name, typed in form.weights.items()}
    tiers = numbers["tiers"]
    bounds = _column(form.bound[: max(tiers - 1, 0)], "bound", _BOUND, number)
    table = _column(form.tier_weight[:tiers], "tier_weight", _WEIGHT, number)
    if not form.version.strip():
        problems["version"] = Unfit(EMPTY)
    if problems:
        raise Invalid(problems)
    try:
        policy = ScorePolicy(
            version=form.version.strip(),
            weights=weights,
            bounds_points=bounds,
            tier_weights=table,
            guards=Guards(**guards),
            **cast("Any", numbers),
        )
    except InputError as error:
        raise Invalid({str(error.column): _unfit(error)}) from None
    return policy, policy.to_toml()


def read_text(text: str) -> ScorePolicy:
    """Return the policy that a text says.

    Raises
    ------
    Invalid
        Where the scoring library refuses it, naming the key.
    """
    try:
        return ScorePolicy.from_toml(text)
    except InputError as error:
        raise Invalid({"policy": Unfit(NOT_A_POLICY, what=str(error))}) from None


def laid_out(form: PolicyForm) -> PolicyForm:
    """Return the form with one row a tier: what was typed is kept where the number of rows is the same."""
    try:
        policy = ScorePolicy(tiers=Whole(*RANGES["tiers"]).read(form.tiers.strip()))
    except Unfit:
        return form
    if len(form.tier_weight) == policy.tiers:
        return form
    even = filled(policy)
    return form.model_copy(update={"bound": even.bound, "tier_weight": even.tier_weight})


def _column(typed: list[str], name: str, kind: Whole, number: Callable[[str, Whole, str], int]) -> tuple[int, ...]:
    """Return a column of the tiers; empty, which is even steps, where nothing is typed in it."""
    if not any(cell.strip() for cell in typed):
        return ()
    return tuple(number(f"{name}-{tier}", kind, cell) for tier, cell in enumerate(typed, start=1))


def _unfit(error: InputError) -> Unfit:
    reason = _REASONS.get(str(error.column))
    if reason is None:
        return Unfit(NOT_A_POLICY, what=str(error))
    return Unfit(reason, value=str(error.value))
