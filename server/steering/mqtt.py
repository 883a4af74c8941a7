"""Which message kinds terminals send about their state and about commands."""

from contract.messages import ReportCommand, ReportShadow
from server.kit.inbox import Handlers, handler_of_many
from server.steering import service

HANDLERS: Handlers = {
    "device.shadow": handler_of_many(ReportShadow, service.report_shadows),
    "command.state": handler_of_many(ReportCommand, service.report_commands),
}
