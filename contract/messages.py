"""What a terminal says to the server: one family a kind.

Quantities are whole units, never packs; the catalogue says how many units a pack holds. The envelope's
``id`` is the id of the thing that the message makes (an order, a confirmation, an answer).
"""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contract.photos import Photos
from contract.steering import FACTS_MOST, LOG_LINE_MOST, LOG_LINES_MOST, CommandState

#: No text holds U+0000: the database that keeps it could not.
WRITABLE = r"^[^\x00]*$"

Sku = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=WRITABLE)]
Units = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
FeedNumber = Annotated[int, Field(ge=0, lt=2**31)]
Note = Annotated[str, StringConstraints(max_length=500, pattern=WRITABLE)]


class Message(BaseModel):
    """Base of all families: frozen, unknown fields ignored, so that an older reader reads a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class OrderLine(Message):
    """How much of one SKU is asked for."""

    sku: Sku
    quantity_units: Annotated[int, Field(ge=1, lt=2**31, strict=True)]


class PlaceOrder(Message):
    """``order.place``: a new order in a window. The envelope's id becomes the order's id, revision 1."""

    window: UUID
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=1000)]


class AmendOrder(Message):
    """``order.amend``: all lines of an order anew. ``revision`` is the one that the shopkeeper saw."""

    order: UUID
    revision: Annotated[int, Field(ge=1)]
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=1000)]


class CancelOrder(Message):
    """``order.cancel``."""

    order: UUID
    revision: Annotated[int, Field(ge=1)]


Difference = Literal["short", "over", "damaged", "wrong_item", "wrong_pack", "refused"]


class ConfirmedLine(Message):
    """What arrived of one shipped line.

    ``accepted_units`` go to stock; ``held_units`` stand aside for return and are not stock. With
    ``wrong_item`` or ``wrong_pack``, ``other_sku`` and ``other_units`` say what came instead and was kept.
    ``photos`` show the difference; they follow (:mod:`contract.photos`).
    """

    sku: Sku
    accepted_units: Units
    held_units: Units = 0
    difference: Difference | None = None
    difference_units: Units = 0
    other_sku: Sku | None = None
    other_units: Units = 0
    reason: Note | None = None
    photos: Photos | None = None


class ConfirmDelivery(Message):
    """``delivery.confirm``: every shipped line, once."""

    delivery: UUID
    confirmed_at: AwareDatetime
    lines: Annotated[tuple[ConfirmedLine, ...], Field(max_length=1000)]


class Cell(Message):
    """The answer to one row of a question: a choice of a matrix, else a number."""

    row: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=WRITABLE)]
    choice: Annotated[str, StringConstraints(max_length=32, pattern=WRITABLE)] | None = None
    number: int | None = None


class Answer(Message):
    """One question's answer; which field is used depends on the question's kind.

    ``photos`` follow (:mod:`contract.photos`); ``cells`` are of a question with rows.
    """

    question: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=WRITABLE)]
    choices: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32, pattern=WRITABLE)], ...], Field(max_length=20)
    ] = ()
    number: int | None = None
    text: Annotated[str, StringConstraints(max_length=1000, pattern=WRITABLE)] | None = None
    photos: Photos | None = None
    cells: Annotated[tuple[Cell, ...], Field(max_length=20)] | None = None


class AnswerSurvey(Message):
    """``survey.answer``: all answers of one survey.

    ``blind`` is random and goes with the answers to an anonymous survey: without it, the digest by which a repeat is
    known would tell what was answered to whoever tries all answers.
    """

    survey: UUID
    answers: Annotated[tuple[Answer, ...], Field(max_length=50)]
    blind: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None


class DisplayAnnouncement(Message):
    """``announcement.displayed``: its text stood on the screen at ``displayed_at`` by the terminal's clock.

    ``version`` is the one that stood there. Nobody says by it that he has read it.
    """

    announcement: UUID
    displayed_at: AwareDatetime
    version: Annotated[int, Field(ge=1)]


class ReadAnnouncement(Message):
    """``announcement.read``: somebody said at ``read_at`` by the terminal's clock that he has read it.

    ``version`` is the one that stood on the screen; absent, the newest is meant. Older
    terminals say it of a notice that asks for no confirmation when it is opened.
    """

    announcement: UUID
    read_at: AwareDatetime
    version: Annotated[int, Field(ge=1)] | None = None


class RegisterForMeeting(Message):
    """``meeting.register``: the shop comes to what an announcement invites to, or does not, said at ``said_at``.

    The newest word counts; the server's clock decides whether it came in time.
    """

    announcement: UUID
    coming: bool
    said_at: AwareDatetime


class GiveFigure(Message):
    """``forecast.figure``: what the shop itself expects to sell of a class in a month to come.

    ``period`` is the month's first day. ``version`` is that of the forecast that stood on the screen.
    """

    product_class: Annotated[str, StringConstraints(max_length=100, pattern=WRITABLE)]
    period: date
    units: Units
    version: Annotated[int, Field(ge=1)] | None = None


class AppealScore(Message):
    """``score.appeal``: the shop says that its score in a run is wrong. The envelope's id becomes the appeal's id.

    ``component`` is the part that it is about, by the name in the feed; absent, the whole is meant. ``figure`` is what
    the shop itself holds to be right: units a month for demand, percent for a part that is a share.
    """

    run: Annotated[int, Field(ge=1, lt=2**31, strict=True)]
    component: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=WRITABLE)] | None = None
    words: Note = ""
    figure: Units | None = None
    photos: Photos | None = None


FeedbackKind = Literal["complaint", "suggestion", "question"]
FeedbackCategory = Literal["goods", "delivery", "grant", "price", "terminal", "employee", "other"]


class FeedbackAbout(Message):
    """What a complaint, suggestion or question is about, and its name.

    The id of an ``order``, a ``delivery``, a ``cycle`` or a ``visit``; a ``sku``; ``ID/SKU`` for an ``order_line`` or
    a ``grant`` (the id of its cycle); the number of a published run of scores for a ``tier``; how an ``employee`` is
    called. A grant or tier that is named is disputed: the answer is a decision.
    """

    sort: Literal["order", "delivery", "cycle", "sku", "order_line", "grant", "tier", "employee", "visit"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=WRITABLE)]


class SendFeedback(Message):
    """``feedback.send``: the shop complains, suggests or asks. The envelope's id becomes the feedback's id."""

    kind: FeedbackKind
    category: FeedbackCategory
    words: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=WRITABLE)]
    about: FeedbackAbout | None = None
    photos: Photos | None = None


class RateFeedback(Message):
    """``feedback.rate``: how well a closed one was done, or why it is not done yet: one of the two.

    ``satisfaction`` goes from 1, not at all, to 5. ``reopen`` are the words that ask to look at it again.
    """

    feedback: UUID
    satisfaction: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    reopen: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=WRITABLE)] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.satisfaction is None) == (self.reopen is None):
            raise ValueError("give either satisfaction or reopen")
        return self


class MovedLine(Message):
    """How many units of one SKU; see :class:`MoveStock`."""

    sku: Sku
    units: Annotated[int, Field(gt=-(2**31), lt=2**31, strict=True)]


StockAct = Literal["sale", "refund", "count", "adjustment", "expiry"]


class MoveStock(Message):
    """``stock.move``: what changed in a shop's stock beside deliveries, by the terminal's clock.

    ``sale``: sold; ``refund``: taken back from customers; ``count``: what stands there for sale; ``expiry``: taken
    out because it is past its day; ``adjustment``: added or, below zero, taken away, with a reason. One message may
    hold the sales of some hours: each SKU stands in it once.
    """

    kind: StockAct
    moved_at: AwareDatetime
    lines: Annotated[tuple[MovedLine, ...], Field(min_length=1, max_length=1000)]
    reason: Note | None = None


class PullFeed(Message):
    """``feed.pull``: send everything after ``after``. Sent on connecting and where a gap was seen."""

    after: FeedNumber


Printing = Literal["ready", "off", "fault"]
Scanning = Literal["ready", "shared", "off", "missing", "no_permission"]
NetworkKind = Literal["ethernet", "wifi", "cellular", "other"]


class ReportStatus(Message):
    """``device.status``: how the terminal is. A terminal tells what it can; what is absent stays unknown.

    ``clock_offset_ms`` is what it adds to its own clock to have the server's. ``oldest_queued_s`` is the age of the
    oldest message that waits on it. ``storage_errors`` counts failed writes since it started. ``certificate_from`` and
    ``certificate_until`` are those of the certificate that it uses.
    """

    version: Annotated[str, StringConstraints(max_length=32, pattern=WRITABLE)]
    queue_length: Annotated[int, Field(ge=0)]
    language: Literal["zh", "en"]
    clock_offset_ms: int = 0
    feed_seq: FeedNumber = 0
    oldest_queued_s: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    disk_free_mb: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    disk_total_mb: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    temperature_c: Annotated[float, Field(ge=-100, le=300, allow_inf_nan=False)] | None = None
    certificate_from: AwareDatetime | None = None
    certificate_until: AwareDatetime | None = None
    storage_errors: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    printer: Printing | None = None
    scanner: Scanning | None = None
    network: NetworkKind | None = None
    system: Annotated[str, StringConstraints(max_length=64, pattern=WRITABLE)] | None = None


class ReportPresence(Message):
    """``device.presence``: a connection to the broker began, ended with a goodbye, or was lost.

    ``session`` names the connection. A terminal leaves ``lost`` with the broker as its last will, and publishes
    ``connected`` once it is subscribed: of a connection that was taken over by the next one, the will comes late and
    counts for nothing, since it names another session.
    """

    state: Literal["connected", "signed_off", "lost"]
    session: UUID


SettingName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
ShortText = Annotated[str, StringConstraints(max_length=200, pattern=WRITABLE)]


class ReportShadow(Message):
    """``device.shadow``: the terminal's own state, whole; of two reports the one with the higher ``version`` counts.

    ``applied`` is the version of the desired state that it has taken; ``refused`` names the settings of it that it
    could not follow, with the reason.
    """

    version: Annotated[int, Field(ge=1, lt=2**31)]
    applied: Annotated[int, Field(ge=0, lt=2**31)]
    state: Annotated[dict[SettingName, ShortText], Field(max_length=40)]
    refused: Annotated[dict[SettingName, ShortText], Field(max_length=40)] = {}


class ReportCommand(Message):
    """``command.state``: what became of a command; after a last word, another one changes nothing.

    ``reason`` is a word for programs, ``detail`` a sentence. A diagnosis brings ``facts`` and the newest lines of the
    ``log``.
    """

    command: UUID
    state: CommandState
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{0,40}$")] = ""
    detail: ShortText = ""
    facts: Annotated[dict[SettingName, ShortText], Field(max_length=FACTS_MOST)] = {}
    log: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=LOG_LINE_MOST, pattern=WRITABLE)], ...],
        Field(max_length=LOG_LINES_MOST),
    ] = ()


UP: dict[str, type[Message]] = {
    "order.place": PlaceOrder,
    "order.amend": AmendOrder,
    "order.cancel": CancelOrder,
    "delivery.confirm": ConfirmDelivery,
    "survey.answer": AnswerSurvey,
    "announcement.displayed": DisplayAnnouncement,
    "announcement.read": ReadAnnouncement,
    "meeting.register": RegisterForMeeting,
    "forecast.figure": GiveFigure,
    "score.appeal": AppealScore,
    "feedback.send": SendFeedback,
    "feedback.rate": RateFeedback,
    "stock.move": MoveStock,
    "feed.pull": PullFeed,
    "device.status": ReportStatus,
    "device.shadow": ReportShadow,
    "command.state": ReportCommand,
    "device.presence": ReportPresence,
}

#: Kinds that are answered by a receipt. The others change nothing that a shop relies on.
RECEIPTED = frozenset(UP) - {"feed.pull", "device.status", "device.presence"}
