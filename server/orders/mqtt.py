"""Which message kinds orders take. HTTP takes the same table."""

from contract.messages import AmendOrder, CancelOrder, PlaceOrder
from server.kit.inbox import Handlers, handler, handler_of_many
from server.orders import service

HANDLERS: Handlers = {
    "order.place": handler_of_many(PlaceOrder, service.place_orders),
    "order.amend": handler(AmendOrder, service.amend_order),
    "order.cancel": handler(CancelOrder, service.cancel_order),
}
