"""Which message kinds scores take. HTTP takes the same table."""

from contract.messages import AppealScore
from server.kit.inbox import Handlers, handler
from server.scores import appeals

HANDLERS: Handlers = {"score.appeal": handler(AppealScore, appeals.take_appeal)}
