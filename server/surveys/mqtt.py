"""Which message kinds surveys take. HTTP takes the same table."""

from contract.messages import AnswerSurvey
from server.kit.inbox import Handlers, handler
from server.surveys import service

HANDLERS: Handlers = {"survey.answer": handler(AnswerSurvey, service.answer_survey)}
