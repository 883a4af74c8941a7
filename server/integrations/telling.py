"""Which events others can be told of, and what they are told: small facts with ids, and where to read more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.catalogue.events import CatalogueChanged
from server.cycles.events import GrantsPublished
from server.deliveries.events import ClaimDecided, ClaimsOpened, DeliveryConfirmed
from server.fleet.events import AlertsChanged
from server.kit.marking import N_
from server.licences.events import LicencesChanged
from server.orders.events import OrdersReceived, WindowClosed
from server.retailers.events import RetailersChanged, StandingChanged

TEST = "test"
TEST_WORDS = N_("A test")


@dataclass(frozen=True)
class Told:
    """One message of an event: what makes it one and the same when it is told again, ids, where to read more."""

    key: str
    data: dict[str, Any]
    link: str


@dataclass(frozen=True)
class Fact:
    """What an event is called outside, in words, and which messages one of its class becomes."""

    name: str
    words: str
    told: Callable[[Any], list[Told]]


def _orders(event: OrdersReceived) -> list[Told]:
    return [
        Told(f"{one['id']}:{one['revision']}:{one['state']}", one, f"/api/v1/orders/{one['retailer']}/{one['id']}")
        for one in event.orders
    ]


def _window(event: WindowClosed) -> list[Told]:
    data = {"window": str(event.window), "cycle": str(event.cycle)}
    return [Told(str(event.window), data, f"/api/v1/cycles/{event.cycle}")]


def _grants(event: GrantsPublished) -> list[Told]:
    return [Told(f"{event.cycle}:{event.at.isoformat()}", {"cycle": str(event.cycle)}, f"/api/v1/cycles/{event.cycle}")]


def _delivery(event: DeliveryConfirmed) -> list[Told]:
    data = {"delivery": str(event.delivery), "retailer": event.retailer}
    return [Told(str(event.delivery), data, f"/api/v1/deliveries/{event.delivery}")]


def _claims(event: ClaimsOpened) -> list[Told]:
    of = {"delivery": str(event.delivery), "retailer": event.retailer}
    return [Told(claim, {"claim": claim} | of, f"/api/v1/claims/{claim}") for claim in event.claims]


def _decided(event: ClaimDecided) -> list[Told]:
    data = {"claim": str(event.claim), "retailer": event.retailer, "verdict": event.verdict}
    return [Told(str(event.claim), data, f"/api/v1/claims/{event.claim}")]


def _standing(event: StandingChanged) -> list[Told]:
    data = {"retailer": event.retailer, "standing": event.standing}
    return [Told(f"{event.retailer}:{event.at.isoformat()}", data, f"/api/v1/retailers/{event.retailer}")]


def _alerts(event: AlertsChanged) -> list[Told]:
    return [Told(f"{one['number']}:{one['state']}", dict(one), "/api/v1/fleet/alerts") for one in event.alerts]


def _changed(field: str, place: str) -> Callable[[Any], list[Told]]:
    """Return how a change of a list is told; where a file changed many, the names are left out (null)."""

    def told(event: Any) -> list[Told]:
        names = getattr(event, field)
        key = f"{event.at.isoformat()}:{','.join(names or ())}"
        return [Told(key, {field: None if names is None else list(names)}, place)]

    return told


#: Event class -> what others are told of it.
FACTS: Mapping[type, Fact] = {
    OrdersReceived: Fact("order.received", N_("An order was received or changed"), _orders),
    WindowClosed: Fact("window.closed", N_("A window closed"), _window),
    GrantsPublished: Fact("grants.published", N_("Grants were published"), _grants),
    DeliveryConfirmed: Fact("delivery.confirmed", N_("A shop confirmed a delivery"), _delivery),
    ClaimsOpened: Fact("claim.opened", N_("A claim was opened"), _claims),
    ClaimDecided: Fact("claim.decided", N_("A claim was decided"), _decided),
    StandingChanged: Fact("retailer.standing", N_("A shop was suspended or restored"), _standing),
    RetailersChanged: Fact("retailer.changed", N_("Shops changed"), _changed("retailers", "/api/v1/retailers")),
    LicencesChanged: Fact("licence.changed", N_("Licences changed"), _changed("retailers", "/api/v1/licences")),
    AlertsChanged: Fact("fleet.alerts", N_("Alerts about terminals opened or ended"), _alerts),
    CatalogueChanged: Fact("catalogue.changed", N_("The catalogue changed"), _changed("skus", "/api/v1/skus")),
}

EVENTS: Mapping[str, str] = {fact.name: fact.words for fact in FACTS.values()}
