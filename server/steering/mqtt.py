"""Which message kinds terminals send about their state and about commands."""

from contract.messages import ReportCommand, ReportShadow
from server.kit.inbox import Handlers, handler
from server.steering import service

HANDLERS: Handlers = {
    "device.shadow": handler(ReportShadow, service.report_shadow),
    "command.state": handler(ReportCommand, service.report_command),
}
