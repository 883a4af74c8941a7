"""Which message kinds devices take about themselves."""

from contract.messages import PullFeed, ReportStatus
from server.devices import service
from server.kit.inbox import Handlers, handler_of_many

HANDLERS: Handlers = {
    "feed.pull": handler_of_many(PullFeed, service.pull_feeds),
    "device.status": handler_of_many(ReportStatus, service.report_statuses),
}
