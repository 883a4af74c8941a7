"""What the exchange is told and what it asks for: the events and actions of :mod:`terminal_client.core.sync`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contract.device_api import FeedPage, Reference
from contract.envelope import FeedItem
from contract.feed import Receipt
from contract.topics import News

Way = Literal["mqtt", "http"]


@dataclass(frozen=True)
class Pending:
    """A message without a receipt. ``way`` is the one that it is travelling on, since ``since_ms``."""

    id: UUID
    kind: str
    subject: str
    way: Way | None = None
    since_ms: int = 0
    tries: int = 0
    not_before_ms: int = 0
    prefers: Way = "mqtt"


# Events: what happened.


@dataclass(frozen=True)
class Tick:
    """Time went by."""


@dataclass(frozen=True)
class Saved:
    """A message was queued in the store."""

    message: Pending


@dataclass(frozen=True)
class Connected:
    """The broker took us in and the subscription stands."""


@dataclass(frozen=True)
class Disconnected:
    """The broker is away."""


@dataclass(frozen=True)
class ItemArrived:
    """One feed item came over the broker, maybe again, maybe out of order."""

    item: FeedItem


@dataclass(frozen=True)
class NewsArrived:
    """A group that this terminal belongs to was told that there is something new; maybe again."""

    group: str
    news: News


@dataclass(frozen=True)
class PageArrived:
    """The server answered a pull."""

    page: FeedPage
    round_trip_ms: int = 0


@dataclass(frozen=True)
class PullFailed:
    """A pull was not answered."""


@dataclass(frozen=True)
class Answered:
    """The server answered a post with its receipt, or took a message that gets none."""

    message: UUID
    receipt: Receipt | None


@dataclass(frozen=True)
class PostFailed:
    """A post was not answered by a receipt. ``reached``: it may have arrived all the same."""

    message: UUID
    reached: bool
    wait_ms: int = 0


@dataclass(frozen=True)
class ReferenceArrived:
    """The reference came, or none where ours is current."""

    reference: Reference | None


@dataclass(frozen=True)
class ReferenceFailed:
    """The reference did not come."""


@dataclass(frozen=True)
class Forgotten:
    """Messages that had a receipt, and that the server does not know any more: they wait again."""

    messages: tuple[Pending, ...]


@dataclass(frozen=True)
class Stopped:
    """The server does not know this identity any more."""

    code: str


Event = (
    Tick
    | Saved
    | Connected
    | Disconnected
    | ItemArrived
    | NewsArrived
    | PageArrived
    | PullFailed
    | Answered
    | PostFailed
    | ReferenceArrived
    | ReferenceFailed
    | Forgotten
    | Stopped
)


# Actions: what to do. The first group writes, the second goes out.


@dataclass(frozen=True)
class Apply:
    """Write feed items, receipts among them, and the cursor."""

    items: tuple[FeedItem, ...]
    cursor: int


@dataclass(frozen=True)
class KnowHistory:
    """Write which history of the server's database the cursor belongs to."""

    history: str


@dataclass(frozen=True)
class StartOver:
    """The server came back from a backup: begin its feed again, and doubt each receipt until it is said again."""

    history: str | None


@dataclass(frozen=True)
class ReadWhole:
    """The feed was read again to its end: let go what the server does not say any more, take up what it forgot.

    Answered by ``Forgotten`` where there is something.
    """


@dataclass(frozen=True)
class Settle:
    """Write a receipt that came by HTTP."""

    receipt: Receipt


@dataclass(frozen=True)
class KeepReference:
    """Write the reference."""

    reference: Reference


@dataclass(frozen=True)
class LearnTime:
    """Take the server's time."""

    server_time: datetime
    round_trip_ms: int


@dataclass(frozen=True)
class MarkSent:
    """Note that a message left the terminal."""

    messages: tuple[UUID, ...]


@dataclass(frozen=True)
class Publish:
    """Hand a queued message to the broker."""

    message: UUID


@dataclass(frozen=True)
class Post:
    """Send a queued message by HTTP."""

    message: UUID


@dataclass(frozen=True)
class Pull:
    """Ask by HTTP for the feed after ``after``."""

    after: int


@dataclass(frozen=True)
class AskFeed:
    """Ask over the broker for the feed after ``after``; its items come one by one."""

    after: int


@dataclass(frozen=True)
class FetchReference:
    """Ask for the reference unless it is ``version``."""

    version: str | None


@dataclass(frozen=True)
class Follow:
    """Hear the news of these groups from the broker, and of no others."""

    groups: tuple[str, ...]


@dataclass(frozen=True)
class ReportStatus:
    """Say over the broker how the terminal is."""


Write = Apply | KnowHistory | StartOver | ReadWhole | Settle | KeepReference | LearnTime | MarkSent
Send = Publish | Post | Pull | AskFeed | FetchReference | Follow | ReportStatus
Action = Write | Send
