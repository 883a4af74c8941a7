"""Which message kinds announcements take. HTTP takes the same table."""

from contract.messages import ReadAnnouncement
from server.announcements import service
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {"announcement.read": handler(ReadAnnouncement, service.read_announcement)}
