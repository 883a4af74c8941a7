"""The banner and the help desk's page: connection, queue, last exchange, countdown, what waits for a person."""

from dataclasses import dataclass

from contract.feed import Announcement, Survey
from terminal_client.core import alarms, feed, outbox
from terminal_client.core.alarms import Alarm
from terminal_client.core.engine import Engine, Link
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import SURE_MS, ServerClock
from terminal_client.core.store import Store
from terminal_client.core.views import deliveries, notices, windows
from terminal_client.core.views.notices import Note
from terminal_client.core.views.windows import WindowView


@dataclass(frozen=True)
class Banner:
    """What stands above every screen. Times are server milliseconds since 1970."""

    shop_name: str
    link: Link
    stopped_by: str | None
    trouble: str | None
    saved_ever: int
    queue_length: int
    refused: int
    exchanged_at_ms: int | None
    uncertain_by_ms: int | None
    alarms: list[Alarm]
    window: WindowView | None
    deliveries_to_confirm: int
    unread: int
    to_confirm: list[Note]

    @property
    def uncertain(self) -> bool:
        """Whether the server's time is so uncertain that the server alone can say what is closed."""
        return self.uncertain_by_ms is None or self.uncertain_by_ms >= SURE_MS


@dataclass(frozen=True)
class Diagnosis:
    """What a help desk asks for."""

    device: str
    retailer: str
    cursor: int
    reference_version: str | None
    offset_ms: int
    queued: list[Entry]


def banner(store: Store, clock: ServerClock, engine: Engine) -> Banner:
    """Return the banner's content."""
    identity = store.identity()
    return Banner(
        shop_name=identity.name if identity else "",
        link=engine.link,
        stopped_by=engine.stopped_by,
        trouble=engine.trouble,
        saved_ever=outbox.count_saved(store),
        queue_length=outbox.count_waiting(store),
        refused=len(outbox.refused(store)),
        exchanged_at_ms=store.progress().exchanged_at_ms,
        uncertain_by_ms=clock.uncertain_by_ms(),
        alarms=alarms.standing(store),
        window=windows.current(store, clock),
        deliveries_to_confirm=deliveries.count_to_confirm(store),
        unread=_unread(store, clock),
        to_confirm=notices.to_confirm(store, clock),
    )


def diagnosis(store: Store, clock: ServerClock) -> Diagnosis:
    """Return what the help desk's page shows beside the banner."""
    identity = store.identity()
    return Diagnosis(
        device=identity.device if identity else "",
        retailer=identity.retailer if identity else "",
        cursor=store.progress().cursor,
        reference_version=store.reference_version(),
        offset_ms=clock.offset_ms,
        queued=outbox.queued(store),
    )


def _unread(store: Store, clock: ServerClock) -> int:
    if not feed.read(store, Announcement) and not feed.read(store, Survey):
        return 0
    return sum(note.unread for note in notices.read_all(store, clock)) + sum(
        survey.to_answer for survey in notices.surveys(store, clock)
    )
