"""What a policy says: the core's rule and rounding, and which limits across lines it turns on. Pure.

A policy is one text (TOML), versioned and hashed as it is written; the first keys are the core's own::

    fairness = "line"
    rule = "max_min"
    rounding = "webster"
    credit = true
    retailer_units = 400
    quotas = [
      {group = "region", value = "hills", sku = "*", max_units = 5000},
    ]
    all_or_nothing = [
      {retailer = "00007", sku = "1033"},
    ]
    baskets = [
      {basket = "premium", sku = "1034"},
      {basket = "premium", sku = "1036"},
    ]
    bundles = [
      {bundle = "gift box", sku = "1041"},
      {bundle = "gift box", sku = "1042"},
    ]

``credit``: each retailer's credit in money holds. ``retailer_units``: no retailer gets more units than this in a
cycle. A quota is the most units that the retailers with a label get together, of one SKU or (``*``) of all. An
all-or-nothing line gets its whole request or nothing; retailer ``*`` means every line of the SKU. SKUs of a basket are
shared together, the claimants being retailers with their lines in it. Of the SKUs of a bundle a retailer is granted at
most one: they exclude each other. A SKU of a basket stands in no bundle.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Final, Literal, TypeVar, get_args

import allocation
from allocation.errors import InputError
from allocation.names import name_fault
from server.cycles.errors import (
    IN_A_BASKET,
    NEEDED_KEYS,
    NOT_A_GROUP,
    NOT_A_LIST,
    NOT_TEXT,
    NOT_YES_OR_NO,
    POLICY_FRACTIONS,
    POLICY_UNREADABLE,
    POLICY_WITH_SEED,
    POLICY_WITH_VERSION,
    invalid,
)
from server.kit.fields import EMPTY, TWICE, Invalid, Unfit, Whole

Group = Literal["region", "route", "tier", "market_type"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
ALL: Final = "*"
UNITS: Final = Whole(most=2**53 - 1)
_LISTS: Final = ("quotas", "all_or_nothing", "baskets", "bundles")
_BY_FREEZE: Final = ("score_version", "forecast_version")
_OWN: Final = ("credit", "retailer_units", *_LISTS)


@dataclass(frozen=True, order=True)
class Quota:
    """The most units that the retailers of one label get together, of one SKU or (``*``) of all."""

    group: str
    value: str
    sku: str
    max_units: int


@dataclass(frozen=True, order=True)
class AllOrNothing:
    """A line that gets its whole request or nothing; retailer ``*``: every line of the SKU."""

    retailer: str
    sku: str


@dataclass(frozen=True, order=True)
class BasketSku:
    """A SKU that is shared together with the others of its basket."""

    basket: str
    sku: str


@dataclass(frozen=True, order=True)
class BundleSku:
    """A SKU of which a retailer is granted something only where it is granted none of the bundle's others."""

    bundle: str
    sku: str


Row = TypeVar("Row", Quota, AllOrNothing, BasketSku, BundleSku)
AnyRow = Quota | AllOrNothing | BasketSku | BundleSku


@dataclass(frozen=True)
class Terms:
    """A policy that was read: what the core is told, and the limits that hold across lines."""

    policy: allocation.Policy
    credit: bool = False
    retailer_units: int | None = None
    quotas: tuple[Quota, ...] = ()
    all_or_nothing: tuple[AllOrNothing, ...] = ()
    baskets: tuple[BasketSku, ...] = ()
    bundles: tuple[BundleSku, ...] = ()

    @property
    def is_coupled(self) -> bool:
        """Whether a limit holds across lines."""
        return self.credit or self.retailer_units is not None or bool(self.quotas)


def read(text: str) -> Terms:
    """Return what a policy's text says.

    Raises
    ------
    Invalid
        Naming key and row; where it is no policy, grants fractions, names a seed or what the freeze fills in.
    """
    keys = _keys(text)
    own = {key: keys.pop(key) for key in _OWN if key in keys}
    try:
        policy = allocation.Policy.from_mapping(keys)
    except InputError as error:
        raise invalid("policy", POLICY_UNREADABLE, what=str(error)) from None
    if policy.seed is not None:
        raise invalid("policy", POLICY_WITH_SEED)
    if policy.rounding == "none":
        raise invalid("policy", POLICY_FRACTIONS)
    credit = own.get("credit", False)
    if not isinstance(credit, bool):
        raise invalid("credit", NOT_YES_OR_NO, value=str(credit))
    units = own.get("retailer_units")
    if units is not None:
        _check_units("retailer_units", units)
    baskets = _checked("baskets", _rows("baskets", own.get("baskets", []), BasketSku))
    bundles = _checked("bundles", _rows("bundles", own.get("bundles", []), BundleSku))
    shared = {one.sku for one in baskets}
    for number, one in enumerate(bundles, start=1):
        if policy.fairness == "basket" or one.sku in shared:
            raise invalid(f"bundles, row {number}, sku", IN_A_BASKET, sku=one.sku)
        if fault := name_fault(one.bundle):
            raise invalid(f"bundles, row {number}, bundle", POLICY_UNREADABLE, what=fault)
    return Terms(
        policy,
        credit,
        units,
        _checked("quotas", _rows("quotas", own.get("quotas", []), Quota)),
        _checked("all_or_nothing", _rows("all_or_nothing", own.get("all_or_nothing", []), AllOrNothing)),
        baskets,
        bundles,
    )


def write(terms: Terms) -> str:
    """Return the text of a policy: one key a line, a row a line; :func:`read` gives the terms back."""
    lines = [f"{key} = {_quoted(value)}" for key, value in terms.policy.as_dict().items()]
    if terms.credit:
        lines.append("credit = true")
    if terms.retailer_units is not None:
        lines.append(f"retailer_units = {terms.retailer_units}")
    for name in _LISTS:
        rows: Sequence[AnyRow] = getattr(terms, name)
        if rows:
            lines += [f"{name} = [", *(f"  {{{_cells(row)}}}," for row in rows), "]"]
    return "\n".join(lines) + "\n"


def _keys(text: str) -> dict[str, Any]:
    try:
        keys = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid("policy", POLICY_UNREADABLE, what=str(error)) from None
    for key in _BY_FREEZE:
        if key in keys:
            raise invalid(key, POLICY_WITH_VERSION, key=key)
    return keys


def _rows(where: str, given: object, kind: type[Row]) -> tuple[Row, ...]:
    if not isinstance(given, list):
        raise invalid(where, NOT_A_LIST)
    needed = [field.name for field in fields(kind)]
    rows = []
    for number, row in enumerate(given, start=1):
        here = f"{where}, row {number}"
        if not isinstance(row, Mapping) or set(row) != set(needed):
            raise invalid(here, NEEDED_KEYS, keys=", ".join(needed))
        for name, cell in row.items():
            if name == "max_units":
                _check_units(f"{here}, {name}", cell)
            elif not isinstance(cell, str):
                raise invalid(f"{here}, {name}", NOT_TEXT, value=str(cell))
            elif not cell.strip():
                raise invalid(f"{here}, {name}", EMPTY)
        rows.append(kind(**row))
    return tuple(rows)


def _checked(where: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the rows; refuse an unknown group, and two rows for one thing."""
    seen: set[tuple[Any, ...]] = set()
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Quota) and row.group not in GROUPS:
            raise invalid(f"{where}, row {number}, group", NOT_A_GROUP, value=row.group, groups=", ".join(GROUPS))
        key = (row.sku,) if isinstance(row, BasketSku | BundleSku) else astuple(row)[:3]
        if key in seen:
            raise invalid(f"{where}, row {number}", TWICE, value=", ".join(key))
        seen.add(key)
    return rows


def _check_units(where: str, units: object) -> None:
    try:
        UNITS.check(units)
    except Unfit as unfit:
        raise Invalid({where: unfit}) from None


def _cells(row: AnyRow) -> str:
    return ", ".join(f"{field.name} = {_quoted(getattr(row, field.name))}" for field in fields(row))


def _quoted(value: str | int) -> str:
    """Return a value as TOML: the strings of JSON are strings of TOML."""
    return json.dumps(value, ensure_ascii=False)
