"""Which message kinds the fleet takes."""

from contract.messages import ReportPresence
from server.fleet import history
from server.kit.inbox import Handlers, handler_of_many

HANDLERS: Handlers = {"device.presence": handler_of_many(ReportPresence, history.report_presences)}
