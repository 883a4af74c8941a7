"""What feedback is about: that it is the shop's, and how people call it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.feed import Text
from contract.messages import FeedbackAbout
from contract.texts import Language
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.cycles import result_queries
from server.deliveries import queries as deliveries
from server.feedback import disputing
from server.feedback.rules import DISPUTED
from server.orders import queries as orders
from server.visits import queries as visits

GRANTS_OFFERED = 30
WHATS = {
    "order": "order",
    "order_line": "line",
    "delivery": "delivery",
    "cycle": "cycle",
    "grant": "grant",
    "tier": "tier",
    "sku": "SKU",
    "employee": "employee",
    "visit": "visit",
}


@dataclass(frozen=True)
class Subject:
    """What people call it, and the room of the console that shows it, where it has one."""

    what: str
    name: Text
    href: str | None


def subject(session: Session, retailer: str, about: FeedbackAbout) -> Subject | None:
    """Return what a shop's feedback is about; none where the shop has nothing of that name."""
    named, _, sku = about.name.partition("/")
    if about.sort in {"order", "delivery", "cycle"}:
        return {"order": _order, "delivery": _delivery, "cycle": _cycle}[about.sort](session, retailer, named)
    if about.sort in {"grant", "order_line"}:
        whole = (_cycle if about.sort == "grant" else _order)(session, retailer, named)
        return _of_line(session, whole, sku, WHATS[about.sort])
    if about.sort == "tier":
        return _tier(session, retailer, about)
    if about.sort == "visit":
        return _visit(session, retailer, about.name)
    if about.sort == "employee":
        return Subject("employee", _same(about.name), None)
    return _sku(session, about.name) if about.sort == "sku" else None


def _visit(session: Session, retailer: str, name: str) -> Subject | None:
    visit = _id(name)
    found = None if visit is None else visits.visit(session, visit)
    return None if found is None or found.retailer != retailer else Subject("visit", _same(f"#{found.number}"), None)


def _tier(session: Session, retailer: str, about: FeedbackAbout) -> Subject | None:
    if disputing.frozen(session, retailer, about) is None:
        return None
    return Subject("tier", _same(f"#{about.name}"), f"/console/scores/run/{about.name}")


def granted(session: Session, retailer: str, language: Language) -> list[tuple[UUID, str, str, int]]:
    """Return the newest grants of a shop: the cycle's id and name, SKU, units."""
    (newest,) = result_queries.published_grants(session, retailer, limit=1) or (None,)
    if newest is None:
        return []
    name = newest.name_zh if language == "zh" else newest.name_en
    return [(newest.cycle, name, one.sku, one.granted_units) for one in newest.grants[:GRANTS_OFFERED]]


def check(session: Session, retailer: str, about: FeedbackAbout) -> None:
    """Refuse what the shop has not.

    Raises
    ------
    Rejected
        ``feedback_about``.
    """
    known = disputing.frozen(session, retailer, about) if about.sort in DISPUTED else subject(session, retailer, about)
    if known is None or (about.sort == "order_line" and not _ordered(session, retailer, about.name)):
        raise Rejected("feedback_about", what=WHATS[about.sort], name=about.name)


def _ordered(session: Session, retailer: str, name: str) -> bool:
    order, _, sku = name.partition("/")
    found = orders.order(session, retailer, UUID(order))
    return found is not None and any(code == sku for code, _ in found.lines)


def _of_line(session: Session, whole: Subject | None, sku: str, what: str) -> Subject | None:
    goods = None if whole is None else _sku(session, sku)
    if whole is None or goods is None:
        return None
    name = Text(zh=f"{whole.name.zh} {goods.name.zh}", en=f"{whole.name.en} {goods.name.en}")
    return Subject(what, name, whole.href)


def _sku(session: Session, code: str) -> Subject | None:
    known = catalogue.sku(session, code)
    return None if known is None else Subject("SKU", Text(zh=known.name_zh, en=known.name_en), None)


def _order(session: Session, retailer: str, name: str) -> Subject | None:
    order = _id(name)
    found = None if order is None else orders.order(session, retailer, order)
    return None if found is None else Subject("order", _same(f"#{found.number}"), f"/console/orders/{found.number}")


def _delivery(session: Session, retailer: str, name: str) -> Subject | None:
    delivery = _id(name)
    found = None if delivery is None else deliveries.delivery(session, delivery)
    if found is None or found.retailer != retailer:
        return None
    return Subject("delivery", _same(f"#{found.number}"), f"/console/deliveries/{delivery}")


def _cycle(session: Session, _retailer: str, name: str) -> Subject | None:
    cycle = _id(name)
    found = None if cycle is None else cycles.cycle(session, cycle)
    if found is None:
        return None
    return Subject("cycle", Text(zh=found.name_zh, en=found.name_en), f"/console/cycles/{cycle}")


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _same(name: str) -> Text:
    return Text(zh=name, en=name)
