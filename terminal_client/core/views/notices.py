"""Announcements with their read receipts, and surveys with their answers."""

from dataclasses import dataclass
from uuid import UUID

from contract.asking import Course, course
from contract.feed import Announcement, Question, Survey
from contract.messages import Answer
from terminal_client.core import drafts, feed, outbox
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store


@dataclass(frozen=True)
class Note:
    """An announcement; ``read`` is the message that said it was opened."""

    announcement: Announcement
    read: Entry | None

    @property
    def unread(self) -> bool:
        """Whether this version was not opened here yet."""
        return self.read is None


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
    """Return the announcements that have not expired, unread and urgent ones first, then newest first."""
    now = clock.now()
    notes = [
        Note(a, _read_entry(store, a))
        for a in feed.read(store, Announcement)
        if a.expires_at is None or a.expires_at > now
    ]
    return sorted(
        notes,
        key=lambda note: (
            not note.unread,
            note.announcement.sort != "urgent",
            -milliseconds(note.announcement.published_at),
        ),
    )


def read(store: Store, announcement: UUID) -> Note | None:
    """Return one announcement, or none."""
    found = next((a for a in feed.read(store, Announcement) if a.announcement == announcement), None)
    return None if found is None else Note(found, _read_entry(store, found))


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


def _read_entry(store: Store, announcement: Announcement) -> Entry | None:
    said = outbox.about(store, f"announcement:{announcement.announcement}:{announcement.version}")
    return said[-1] if said else None
