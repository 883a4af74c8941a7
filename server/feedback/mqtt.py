"""Which message kinds feedback takes. HTTP takes the same table."""

from contract.messages import RateFeedback, SendFeedback
from server.feedback import service
from server.kit.inbox import Handlers, handler, handler_of_many

HANDLERS: Handlers = {
    "feedback.send": handler_of_many(SendFeedback, service.take_feedback),
    "feedback.rate": handler(RateFeedback, service.take_rating),
}
