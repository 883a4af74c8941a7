"""Supply as a file to be filled in, and the supply of the cycle before as a beginning."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from server.catalogue.queries import Sku
from server.cycles import queries, supply_queries
from server.cycles.supply import Cell, Line, read_rows
from server.kit import sheets

HEADINGS = ("sku", "name", "supply_units", "reserve_units", "minimum_units", "scarce")
_KINDS = ("identifier", "text", "identifier", "identifier", "identifier", "text")


def before(session: Session, cycle: queries.Cycle) -> queries.Cycle | None:
    """Return the newest other cycle that has supply and was not called off; none where there is none."""
    return next(
        (
            one
            for one in queries.cycles(session, limit=50)
            if one.id != cycle.id
            and one.state != "called_off"
            and one.supply_version
            and supply_queries.supply(session, one.id, one.supply_version)
        ),
        None,
    )


def taken_over(session: Session, from_cycle: queries.Cycle, skus: Mapping[str, Sku]) -> list[Line]:
    """Return the supply of another cycle for those of its SKUs that are offered, in today's packs.

    Raises
    ------
    Invalid
        None of them is offered any more.
    """
    rows: list[dict[str, Cell]] = [
        {
            "sku": line.sku,
            "supply_units": line.supply_units,
            "reserve_units": line.reserve_units,
            "minimum_units": line.minimum_units,
            "scarce": line.marked_scarce,
        }
        for line in supply_queries.supply(session, from_cycle.id).values()
        if line.sku in skus
    ]
    return read_rows(rows, skus)


def to_fill(skus: Mapping[str, Sku], supply: Mapping[str, supply_queries.Supply], *, chinese: bool) -> bytes:
    """Return a CSV file in the form that :func:`server.cycles.supply.read_file` takes: what ``supply`` says.

    Without any supply it has a row for every SKU, the quantities left empty.
    """
    rows = []
    for code, sku in skus.items():
        if supply and code not in supply:
            continue
        line = supply.get(code)
        name = sku.name_zh if chinese else sku.name_en
        if line is None:
            rows.append([code, name, "", "", "", ""])
        else:
            numbers = [str(n) for n in (line.supply_units, line.reserve_units, line.minimum_units)]
            rows.append([code, name, *numbers, "yes" if line.marked_scarce else ""])
    return sheets.csv_text(sheets.Sheet(HEADINGS, _KINDS, rows))
