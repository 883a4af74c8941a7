"""Which message kinds announcements take. HTTP takes the same table."""

from contract.messages import DisplayAnnouncement, ReadAnnouncement, RegisterForMeeting
from server.announcements import meetings, service
from server.kit.inbox import Handlers, handler

HANDLERS: Handlers = {
    "announcement.displayed": handler(DisplayAnnouncement, service.note_display),
    "announcement.read": handler(ReadAnnouncement, service.acknowledge_announcement),
    "meeting.register": handler(RegisterForMeeting, meetings.register),
}
