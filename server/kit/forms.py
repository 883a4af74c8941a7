"""Forms over fields: what a person typed becomes a record, a record becomes what stands in the form."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from server.kit.fields import Field, Rule, Unfit, problems, scaled


def minor_units(currency: str) -> Decimal:
    """Return how many minor units make a major one: 100 for CNY, 1 for JPY."""
    return Decimal(10) ** int(get_currency_precision(currency))


def read_form(
    fields: Sequence[Field],
    typed: Mapping[str, Any],
    *,
    minor: Decimal,
    gettext: Callable[[str], str],
    rule: Rule | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the record that was typed, and a sentence for each field that does not fit.

    Money is typed in the major unit. Spaces around what was typed are no part of it. The record is whole only
    where there is no sentence.
    """
    record: dict[str, Any] = {}
    unfit: dict[str, Unfit] = {}
    for field in fields:
        text = str(typed.get(field.name, "")).strip()
        try:
            record[field.name] = field.read(scaled(text, minor) if field.money and text else text)
        except Unfit as error:
            unfit[field.name] = error
    if not unfit:
        unfit = problems(fields, record, rule)
    return record, {name: error.sentence(gettext) for name, error in unfit.items()}


def fill_form(fields: Sequence[Field], record: Mapping[str, Any], *, minor: Decimal) -> dict[str, str]:
    """Return what stands in the form of a record."""
    return {field.name: _typed(field, record[field.name], minor) for field in fields}


def empty_form(fields: Sequence[Field], *, minor: Decimal) -> dict[str, str]:
    """Return what stands in the form of a new record: the defaults."""
    return {field.name: "" if field.needed else _typed(field, field.default, minor) for field in fields}


def _typed(field: Field, value: Any, minor: Decimal) -> str:
    if field.money and value is not None:
        return format(Decimal(value) / minor, "f")
    return field.write(value)
