"""Which message kinds inventory takes. HTTP takes the same table."""

from contract.messages import MoveStock
from server.inventory import service
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {"stock.move": handler(MoveStock, service.move_stock)}
