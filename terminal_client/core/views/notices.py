"""Announcements with their read receipts, and surveys with their answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contract.asking import Course, course
from contract.feed import Announcement, Question, Registration, Survey
from contract.messages import Answer
from terminal_client.core import drafts, feed, outbox
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store


@dataclass(frozen=True)
class Note:
    """An announcement; ``displayed`` is what said that it stood on the screen, ``read`` that it was confirmed.

    ``said`` is the last word whether somebody comes to what it invites to, ``registration`` what the server made of it.
    """

    announcement: Announcement
    displayed: Entry | None
    read: Entry | None
    expired: bool
    said: Entry | None = None
    registration: Registration | None = None

    @property
    def unread(self) -> bool:
        """Whether this version asks for something still: to be opened, or confirmed. What is over asks for nothing."""
        opened = self.displayed is not None and not self.announcement.must_acknowledge
        return self.read is None and not opened and not self.expired and not self.withdrawn

    @property
    def to_confirm(self) -> bool:
        """Whether it stays in sight until somebody says that he has read this version."""
        return self.unread and self.announcement.must_acknowledge

    @property
    def told(self) -> Entry | None:
        """The message that says the most of what was done with this version here."""
        return self.read or self.displayed

    @property
    def pinned(self) -> bool:
        """Whether it stays on top when it was read: policies do, as long as they are in force, and what is pinned."""
        pinned = self.announcement.sort == "policy" or self.announcement.pinned
        return pinned and not self.expired and not self.withdrawn

    @property
    def withdrawn(self) -> bool:
        """Whether the distributor took it back."""
        return self.announcement.withdrawn_at is not None

    @property
    def corrected(self) -> bool:
        """Whether this version puts right an earlier one; its text begins with what was wrong."""
        return self.announcement.version > 1

    @property
    def unanswered(self) -> bool:
        """Whether what was said last of coming is not answered by the server's word yet."""
        return self.said is not None and self.said.state in ("saved", "sent")

    @property
    def comes(self) -> bool:
        """Whether the shop comes, as far as is known here: its own word until it is answered, then the server's."""
        if self.said is not None and (self.unanswered or self.registration is None) and self.said.state != "refused":
            return bool(self.said.data["coming"])
        return self.registration is not None and self.registration.state != "not_coming"

    def open_at(self, now: datetime) -> bool:
        """Whether somebody can still say that he comes."""
        meeting = self.announcement.meeting
        if meeting is None or meeting.called_off or self.withdrawn:
            return False
        return now <= (meeting.register_until or meeting.starts_at)


@dataclass(frozen=True)
class SurveyView:
    """A survey; ``kept`` are the answers given so far, ``entry`` the newest message with answers."""

    survey: Survey
    kept: dict[str, Answer]
    entry: Entry | None
    closed: bool

    @property
    def to_answer(self) -> bool:
        """Whether it waits for the shop."""
        return not self.closed and (self.entry is None or self.entry.state == "refused")

    @property
    def course(self) -> Course:
        """What the answers kept so far let be asked, and what still hangs on answers to come."""
        return course(self.survey.questions, self.kept)

    @property
    def next_open(self) -> Question | None:
        """The first question that is asked and was not gone past yet, or none: then it can be sent."""
        return next((question for question in self.course.asked if question.id not in self.kept), None)


def read_all(store: Store, clock: ServerClock) -> list[Note]:
    """Return the announcements that have not expired.

    What is to be confirmed comes first, then what is urgent and unread, the policies, what else is unread, and the
    rest; in each the newest first.
    """

    def place(note: Note) -> tuple[int, int]:
        urgent = note.unread and note.announcement.sort == "urgent"
        firsts = (note.to_confirm, urgent, note.pinned, note.unread, True)
        return firsts.index(True), -milliseconds(note.announcement.published_at)

    return sorted((note for note in _notes(store, clock) if not note.expired), key=place)


def expired(store: Store, clock: ServerClock) -> list[Note]:
    """Return the announcements that are over, the one that ended last first."""
    over = [note for note in _notes(store, clock) if note.expired]
    return sorted(over, key=lambda note: note.announcement.expires_at or clock.now(), reverse=True)


def to_confirm(store: Store, clock: ServerClock) -> list[Note]:
    """Return what somebody must still say that he has read, the newest first."""
    return [note for note in read_all(store, clock) if note.to_confirm]


def read(store: Store, clock: ServerClock, announcement: UUID) -> Note | None:
    """Return one announcement, or none."""
    return next((note for note in _notes(store, clock) if note.announcement.announcement == announcement), None)


def surveys(store: Store, clock: ServerClock) -> list[SurveyView]:
    """Return every survey, those to answer first."""
    views = [_survey(store, clock, survey) for survey in feed.read(store, Survey)]
    return sorted(views, key=lambda view: (not view.to_answer, view.survey.closes_at))


def survey(store: Store, clock: ServerClock, survey_id: UUID) -> SurveyView | None:
    """Return one survey, or none."""
    found = next((s for s in feed.read(store, Survey) if s.survey == survey_id), None)
    return None if found is None else _survey(store, clock, found)


def _survey(store: Store, clock: ServerClock, asked: Survey) -> SurveyView:
    said = outbox.about(store, f"survey:{asked.survey}")
    return SurveyView(
        survey=asked,
        kept=drafts.answers(store, asked.survey),
        entry=said[-1] if said else None,
        closed=asked.state == "closed" or clock.now() >= asked.closes_at,
    )


def _notes(store: Store, clock: ServerClock) -> list[Note]:
    now = clock.now()
    registered = {one.announcement: one for one in feed.read(store, Registration)}
    return [
        Note(
            told,
            *_said(store, told),
            expired=told.expires_at is not None and told.expires_at <= now,
            said=_coming(store, told),
            registration=registered.get(told.announcement),
        )
        for told in feed.read(store, Announcement)
    ]


def _coming(store: Store, announcement: Announcement) -> Entry | None:
    if announcement.meeting is None:
        return None
    return next(reversed(outbox.about(store, f"meeting:{announcement.announcement}")), None)


def _said(store: Store, announcement: Announcement) -> tuple[Entry | None, Entry | None]:
    """Return what was said: that the newest version was displayed; that it, or one that still counts, was read."""
    counts_from = announcement.counts_from or announcement.version
    read = None
    said: dict[str, Entry] = {}
    for version in range(counts_from, announcement.version + 1):
        said = {
            entry.kind: entry for entry in outbox.about(store, f"announcement:{announcement.announcement}:{version}")
        }
        read = said.get("announcement.read") or read
    return said.get("announcement.displayed"), read
