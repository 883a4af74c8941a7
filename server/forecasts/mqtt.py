"""Which message kinds forecasts take. HTTP takes the same table."""

from contract.messages import GiveFigure
from server.forecasts import service
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {"forecast.figure": handler(GiveFigure, service.take_figure)}
