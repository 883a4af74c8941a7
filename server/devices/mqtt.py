"""Which message kinds devices take about themselves."""

from contract.messages import PullFeed, ReportStatus
from server.devices import service
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {
    "feed.pull": handler(PullFeed, service.pull_feed),
    "device.status": handler(ReportStatus, service.report_status),
}
