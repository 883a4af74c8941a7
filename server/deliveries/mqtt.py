"""Which message kinds deliveries take. HTTP takes the same table."""

from contract.messages import ConfirmDelivery
from server.deliveries import service
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {"delivery.confirm": handler(ConfirmDelivery, service.confirm_delivery)}
