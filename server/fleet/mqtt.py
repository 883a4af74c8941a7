"""Which message kinds the fleet takes."""

from contract.messages import ReportPresence
from server.fleet import history
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {"device.presence": handler(ReportPresence, history.report_presence)}
