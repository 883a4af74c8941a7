"""What inventory does when something happened below."""

from datetime import datetime

from sqlalchemy.orm import Session

from server.deliveries import queries as deliveries
from server.deliveries.events import DeliveryConfirmed, GoodsLeft
from server.inventory import depot, rules, service
from server.kit.identity import SYSTEM


def on_delivery_confirmed(session: Session, event: DeliveryConfirmed, at: datetime) -> None:  # noqa: ARG001 - all reactions look alike
    """Book what a delivery brought, and what went back with it, as of its confirmation; again it changes nothing."""
    changes = {
        booking.sku: rules.Change(booking.on_hand_units, booking.held_units)
        for booking in deliveries.bookings(session, event.delivery)
    }
    cause = service.Cause("receipt", "delivery", event.delivery, SYSTEM)
    service.book(session, event.retailer, changes, cause, at=event.at)
    depot.take_back(session, deliveries.sent_back(session, event.delivery), event.delivery, at=event.at)


def on_goods_left(session: Session, event: GoodsLeft, at: datetime) -> None:  # noqa: ARG001 - all reactions look alike
    """Book what left the distributor's own stock; a second time changes nothing."""
    depot.issue_goods(session, dict(event.units), event.dispatch, at=event.at)
