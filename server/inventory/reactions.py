"""What inventory does when something happened below."""

from datetime import datetime

from sqlalchemy.orm import Session

from server.deliveries import queries as deliveries
from server.deliveries.events import DeliveryConfirmed
from server.inventory import rules, service
from server.kit.identity import SYSTEM


def on_delivery_confirmed(session: Session, event: DeliveryConfirmed, at: datetime) -> None:  # noqa: ARG001 - all reactions look alike
    """Book what a delivery brought, as of its confirmation; a second time changes nothing."""
    changes = {
        booking.sku: rules.Change(booking.on_hand_units, booking.held_units)
        for booking in deliveries.bookings(session, event.delivery)
    }
    cause = service.Cause("receipt", "delivery", event.delivery, SYSTEM)
    service.book(session, event.retailer, changes, cause, at=event.at)
