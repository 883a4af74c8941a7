"""Why a line got what it got: one sentence for the shopkeeper, then the numbers behind it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from allocation.explaining.orders import WholeOrder, whole_order
from allocation.explaining.sentences import BOUNDS, LANGUAGES, NUMBERS, SENTENCES, Texts
from allocation.result import EXCLUSIVE, REASON_TEXTS, Result, Row

__all__ = ["LANGUAGES", "explain"]


def explain(result: Result, retailer: str, sku: str, lang: str = "en") -> str:
    """Explain one line.

    Parameters
    ----------
    result
        From :func:`allocation.solve` or a result folder.
    retailer, sku
        Name the line.
    lang
        ``en`` or ``zh``.

    Returns
    -------
    str
        The sentence on the first line; the numbers on the lines after it.

    Raises
    ------
    KeyError
        Where there is no such line.
    ValueError
        For another language.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"explanations are in {' and '.join(LANGUAGES)}, not {lang!r}")
    row = result.row(retailer, sku)
    order = whole_order(result, row)
    facts = _facts(result, row, order)
    say = partial(_say, lang=lang, facts=facts)
    is_short = bool(row.bound_by) and row.reason != "adjusted"
    facts["bound"] = say(BOUNDS[_kind(row)])
    facts["why in words"] = REASON_TEXTS[row.reason][LANGUAGES.index(lang)]
    lines = [say(SENTENCES[_sentence(result, row, facts, order)]), say(NUMBERS["line"])]
    if is_short:
        lines.append(say(NUMBERS["bound"]))
    lines.append(say(NUMBERS["sku"]))
    if facts["level"] is not None:
        lines.append(say(NUMBERS["level"]))
    if order is not None:
        lines.append(say(NUMBERS["order"]))
        if order.stage is not None and is_short:
            lines.append(say(NUMBERS["stage"]))
        if order.gap is not None:
            lines.append(say(NUMBERS["approximate"]))
    if row.reason == "lottery":
        lines.append(say(NUMBERS["seed"]))
    return "\n".join(lines)


def _facts(result: Result, row: Row, order: WholeOrder | None) -> dict[str, Any]:
    figures = result.sku_figures(row.sku)
    why, author, approver = result.decisions.get((row.retailer, row.sku), ("", "", ""))
    return {
        **figures,
        "why": " ".join(why.split()),
        "author": author,
        "approver": approver,
        "label": row.bound_by.removeprefix(EXCLUSIVE),
        "limit": row.bound_by.removeprefix("quota:").removesuffix(f":{row.sku}").removesuffix(":*"),
        "sku_eligible": figures["eligible"],
        "sku_granted": figures["granted"],
        "seed": result.certificate.get("seed"),
        **({} if order is None else order.facts()),
        **vars(row),
    }


def _kind(row: Row) -> str:
    """Return what kind of constraint stopped a line: the key of its words."""
    kind = row.bound_by.partition(":")[0]
    return "quota of all" if kind == "quota" and row.bound_by.endswith(":*") else kind


def _sentence(result: Result, row: Row, facts: Mapping[str, Any], order: WholeOrder | None) -> str:
    """Return the key of the sentence that is true of a line."""
    if row.bound_by.startswith(EXCLUSIVE):
        return "exclusive"
    if row.granted == "0" and (row.retailer, row.sku) in result.had_before_minimums and facts["short_lines"]:
        return "left out"
    by_supply = row.bound_by.startswith("supply:")
    match row.reason:
        case "filled" if row.requested == "0":
            key = "nothing asked"
        case "filled" if row.requested != row.granted:
            key = "part pack"
        case "ineligible" if int(row.requested) < facts["pack"]:
            key = "less than a pack"
        case "lottery" | "floor" if not by_supply:
            key = f"{row.reason} in a limit"
        case "supply" if order is None and result.certificate["policy"]["rounding"] == "none":
            key = "supply, fractions"
        case "supply" | "credit" | "quota":
            within, held = "line" if order is None else "order", "none" if row.granted == "0" else "some"
            key = f"{row.reason}, {within}, {held}"
        case _:
            key = row.reason
    return key


def _say(texts: Texts, lang: str, facts: Mapping[str, Any]) -> str:
    return texts[LANGUAGES.index(lang)].format_map(facts)
