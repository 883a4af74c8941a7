"""Published cycles tell the demand history what was requested and granted in their month."""

from datetime import date

from factories import NOW, make_retailer, make_sku, publish_grants
from overtaking import at_once
from sqlalchemy import update

from server.catalogue.models import SkuRow
from server.cycles import reactions
from server.cycles.events import GrantsPublished
from server.cycles.models import CycleRow
from server.forecasts import queries
from server.forecasts import service as forecasts
from server.kit.db import transaction


def known(session, retailer):
    return {
        (cell.product_class, cell.period): (cell.requested_units, cell.granted_units)
        for cells in queries.history(session, retailer).values()
        for cell in cells
    }


def test_a_months_cycles_are_added_up_by_class(session):
    for sku in ("K1", "K2", "WINE"):
        make_sku(session, sku)
    session.execute(update(SkuRow).where(SkuRow.sku == "WINE").values(category="wine"))
    for code in ("R1", "R2"):
        make_retailer(session, code)
    cycles = [
        publish_grants(session, {"R1": {"K1": 5, "K2": 4, "WINE": 2}, "R2": {"K1": 7}}),
        publish_grants(session, {"R1": {"K1": 3}}),
        publish_grants(session, {"R1": {"K1": 100}}),
    ]
    session.execute(update(CycleRow).where(CycleRow.id == cycles[2]).values(week=date(2026, 12, 7)))

    for cycle in [*cycles, cycles[0]]:
        reactions.on_grants_published(session, GrantsPublished(cycle, NOW), NOW)

    november, december = date(2026, 11, 1), date(2026, 12, 1)
    assert known(session, "R1") == {
        ("goods", november): (12, 12),
        ("goods", december): (100, 100),
        ("wine", november): (2, 2),
    }
    assert known(session, "R2") == {("goods", november): (7, 7)}
    assert len(queries.cell_versions(session, "R1", "goods", november)) == 1


def test_a_cycle_that_is_published_while_another_is_added_up_is_added_too(sessions):
    with transaction(sessions) as session:
        make_sku(session, "K1")
        make_retailer(session, "R1")
        first = publish_grants(session, {"R1": {"K1": 5}})

    def publish_another(session):
        forecasts.hold_history(session)
        publish_grants(session, {"R1": {"K1": 4}})

    at_once(
        sessions,
        publish_another,
        lambda session: reactions.on_grants_published(session, GrantsPublished(first, NOW), NOW),
    )
    with transaction(sessions) as session:
        assert known(session, "R1") == {("goods", date(2026, 11, 1)): (9, 9)}
