"""Why a retailer got what it got: the core's own words, from the result as it is stored."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

import allocation
from contract.errors import Rejected
from contract.texts import Language
from server.cycles import exporting, result_queries


def explain(
    session: Session, cycle: UUID, retailer: str, sku: str | None, language: Language, *, attempt: int | None = None
) -> dict[str, str]:
    """Return the explanation of each of the retailer's lines by SKU, of one SKU where it is named.

    Raises
    ------
    Rejected
        ``not_found``, where there is no result yet or no such line in it.
    """
    granted = result_queries.drafted_grants(session, cycle, retailer, attempt=attempt)
    lines = [grant.sku for grant in granted if sku in {None, grant.sku}]
    if not lines:
        raise Rejected("not_found", what="line", name=retailer if sku is None else f"{retailer}, {sku}")
    return explain_lines(session, cycle, retailer, lines, language, attempt=attempt)


def explain_lines(
    session: Session,
    cycle: UUID,
    retailer: str,
    lines: Sequence[str],
    language: Language,
    *,
    attempt: int | None = None,
) -> dict[str, str]:
    """Return the explanations of lines, by SKU, which the retailer has in the attempt's result."""
    result = exporting.result_of(session, cycle, retailer, attempt=attempt)
    return {name: allocation.explain(result, retailer, name, lang=language) for name in lines}
