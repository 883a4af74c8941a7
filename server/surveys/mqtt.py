"""Which message kinds surveys take. HTTP takes the same table."""

from contract.messages import AnswerSurvey
from server.kit.inbox import Handlers, handler
from server.surveys import answers

HANDLERS: Handlers = {"survey.answer": handler(AnswerSurvey, answers.answer_survey)}
