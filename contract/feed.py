"""What the server says to a terminal: the items of a retailer's feed, one family a kind.

Keys: ``receipt:ID``, ``window:ID``, ``order:ID``, ``book:CYCLE``, ``grants:CYCLE:PART``, ``delivery:ID``,
``stock:SKU``, ``survey:ID``, ``announcement:ID``, ``registration:ID``, ``forecast:PART``, ``score``,
``appeal:ID``, ``decision:ID``, ``feedback:ID``, ``reference``, ``desired:DEVICE``, ``commands:DEVICE``.

The last two are for the one terminal that they name; the others of the shop pass them over.
"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contract.messages import (
    Difference,
    FeedbackAbout,
    FeedbackCategory,
    FeedbackKind,
    Message,
    OrderLine,
    Sku,
    Units,
)


class Text(Message):
    """One text in both languages."""

    zh: str
    en: str


class Receipt(Message):
    """``receipt``: the server's word on one message, after its commit. Nothing else may say *received*."""

    message: UUID
    kind: str
    outcome: Literal["accepted", "rejected"]
    at: AwareDatetime
    number: int | None = Field(default=None, description="the order's or confirmation's number for people")
    revision: int | None = None
    code: str | None = Field(default=None, description="of contract.errors.TEXTS, where rejected")
    params: dict[str, str | int] = Field(default={}, description="of the text of the code")
    device: str | None = Field(default=None, description="the terminal that sent the message first")


class WindowState(Message):
    """``window``: when a retailer may order. Instants are the server's; the close is published."""

    window: UUID
    cycle: UUID
    name: Text
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    grace_s: int
    zone: str
    state: Literal["announced", "open", "closed", "frozen", "published", "called_off"]
    commitment: str | None = Field(default=None, description="SHA-256 of the draw's secret, in hex")
    policy: str | None = Field(default=None, description="name and version of the published policy")
    policy_sha256: str | None = Field(default=None, description="SHA-256 of the policy's text as published, in hex")
    score_version: str | None = Field(
        default=None,
        description="SHA-256 of the scores whose weights are meant to count, in hex; absent without scores",
    )
    scarce: tuple[Sku, ...] = Field(default=(), description="what is shared out because not all can be served")
    unsupplied: tuple[Sku, ...] = Field(
        default=(), description="what stands in the catalogue while the supply so far holds none; may be asked for"
    )


class OrderState(Message):
    """``order``: an order as it stands in the server's book."""

    order: UUID
    window: UUID
    number: int
    revision: int
    state: Literal["accepted", "cancelled"]
    at: AwareDatetime
    lines: tuple[OrderLine, ...]


class BookEntry(Message):
    """``book``: the frozen order book's root, and the proof that this retailer's lines stand in it.

    ``leaf`` is recomputed by the terminal from its own lines; ``path`` holds the sibling hashes from the
    leaf up, each with its side; ``secret`` is added when the result is published. ``weights_sha256`` is of the weights
    of everybody in the book, which are fixed with it, ``score_version`` of the scores that they come from, if any.
    """

    cycle: UUID
    root: str
    lines: tuple[OrderLine, ...]
    retailer: str
    path: tuple[tuple[Literal["left", "right"], str], ...]
    commitment: str
    secret: str | None = None
    weights_sha256: str | None = None
    score_version: str | None = None


Reason = Literal[
    "filled", "capped", "supply", "credit", "quota", "lottery", "floor", "ineligible", "priority", "adjusted"
]


#: What an ineligible line failed by: the shop's standing, the item's withdrawal, a licence that is not held, or less
#: asked for than the smallest box.
Bar = Literal["standing", "withdrawn", "licence", "pack"]


class Grant(Message):
    """One line of a published allocation, with the numbers behind its reason."""

    sku: Sku
    requested_units: Units
    eligible_units: Units
    granted_units: Units
    weight: int
    share: str = Field(description="granted/weight in plain digits, cut after 12 decimals")
    reason: Reason
    bound_by: str = ""
    barred_by: Bar | None = Field(default=None, description="why an ineligible line could be granted nothing")
    supply_units: int = Field(description="offered to the whole network")
    asked_units: int = Field(description="asked by the whole network")
    carry_thousandths: int = Field(default=0, description="brought in from earlier cycles, thousandths of a pack")
    carried_thousandths: int = Field(default=0, description="goes into the next cycle, thousandths of a pack")
    credited_thousandths: int | None = Field(
        default=None,
        description="what of the carry brought in makes good an upheld appeal or dispute, thousandths of a pack",
    )
    before_units: Units | None = Field(
        default=None, description="what was granted at first, where a correction made it something else"
    )


class Grants(Message):
    """``grants``: part ``part`` of ``parts`` of what a retailer was granted in a cycle.

    ``version`` counts the publications; above 1 the grants were corrected, at ``corrected_at``, because of
    ``correction`` (a person's words), and ``released_at`` stays the first one's. ``policy_sha256``,
    ``weights_sha256`` and ``score_version`` are what the published certificate says. ``credit_minor`` is the credit
    that stands with the retailer in the frozen book, in minor units; none where none is kept.
    """

    cycle: UUID
    name: Text
    part: int
    parts: int
    released_at: AwareDatetime
    policy: str
    seed: str
    input_sha256: str
    result_sha256: str
    policy_sha256: str | None = None
    weights_sha256: str | None = None
    score_version: str | None = None
    credit_minor: int | None = None
    version: int = 1
    corrected_at: AwareDatetime | None = None
    correction: str | None = None
    lines: tuple[Grant, ...]


class ShippedLine(Message):
    """One line of a shipment notice."""

    sku: Sku
    shipped_units: Units
    granted_units: Units


class Claim(Message):
    """What became of a difference: when and with which words it was decided, and how it was made good.

    Of many claims in one delivery the words are cut and end in an ellipsis, or all this is left out.
    """

    claim: UUID
    number: int
    sku: Sku
    difference: Difference
    difference_units: Units
    state: Literal["open", "upheld", "declined", "settled"]
    opened_at: AwareDatetime | None = None
    decided_at: AwareDatetime | None = None
    decision: str | None = None
    settled_at: AwareDatetime | None = None
    settlement: str | None = None


class Delivery(Message):
    """``delivery``: goods on their way, then what was confirmed and claimed."""

    delivery: UUID
    number: int
    cycle: UUID
    state: Literal["shipped", "confirmed"]
    shipped_at: AwareDatetime
    confirmed_at: AwareDatetime | None = None
    lines: tuple[ShippedLine, ...]
    claims: tuple[Claim, ...] = ()


class Stock(Message):
    """``stock``: how much of a SKU the server believes to stand in the shop."""

    sku: Sku
    on_hand_units: int
    held_units: int = 0
    as_of: AwareDatetime


class Choice(Message):
    """One possible answer."""

    id: str
    text: Text


class OnlyIf(Message):
    """On what a question hangs: the answer to an earlier single, multiple or scale question.

    ``choice`` for questions with choices, ``number`` for a scale; ``at_least`` is for scales alone. How it is read:
    :mod:`contract.asking`.
    """

    question: str
    test: Literal["is", "is_not", "at_least"]
    choice: str | None = None
    number: int | None = None


class Row(Message):
    """One row of a question that is asked of each: a statement, or a product, whose ``sku`` it names."""

    id: str
    text: Text
    sku: str | None = None


class Question(Message):
    """One question of a survey; without ``only_if`` it is asked of everyone.

    ``low`` and ``high`` bound a value, in minor units where it is *money*. ``least`` and ``most`` bound how many
    choices of a *multiple*, characters of a *text*, photos of a *photo*. A *matrix* asks one of ``choices`` of each
    of its ``rows``; a *number* or *money* that has rows is asked of each of them.
    """

    id: str
    kind: Literal["single", "multiple", "scale", "number", "money", "text", "photo", "matrix"]
    text: Text
    required: bool = True
    choices: tuple[Choice, ...] = ()
    rows: tuple[Row, ...] = ()
    low: int | None = None
    high: int | None = None
    least: int | None = None
    most: int | None = None
    only_if: OnlyIf | None = None


class Survey(Message):
    """``survey``: asked of this retailer until it closes.

    Of an ``anonymous`` one the server keeps that a shop answered, and apart from that what was answered. With
    ``reminded_at`` it is asked again of a shop that has not answered.
    """

    survey: UUID
    title: Text
    intro: Text
    state: Literal["open", "closed"]
    closes_at: AwareDatetime
    questions: tuple[Question, ...]
    anonymous: bool = False
    reminded_at: AwareDatetime | None = None


class AnnouncedPage(Message):
    """One picture that goes with an announcement: ``GET /device/v1/attachments/{sha256}``."""

    sha256: str
    size_bytes: Annotated[int, Field(ge=1)]
    media_type: Literal["image/jpeg", "image/png", "image/webp"]
    width_px: Annotated[int, Field(ge=1)]
    height_px: Annotated[int, Field(ge=1)]


class Attachment(Message):
    """What goes with an announcement: a picture of one page, or a document, each of its pages made a picture."""

    name: str
    kind: Literal["picture", "document"]
    pages: tuple[AnnouncedPage, ...]


class Meeting(Message):
    """A meeting, training or contest that an announcement invites to; instants are the server's.

    ``register_until`` is the last instant at which the server takes that somebody comes; absent, nobody need say so.
    ``places`` are those in all; absent, there are enough.
    """

    sort: Literal["meeting", "training", "contest"]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    place: Text
    places: int | None = None
    register_until: AwareDatetime | None = None
    called_off: bool = False


class Registration(Message):
    """``registration``: how this shop stands with a meeting. ``waiting`` is its place in the line, from 1.

    ``attended`` is told once attendance was taken.
    """

    announcement: UUID
    state: Literal["registered", "waiting", "not_coming"]
    at: AwareDatetime
    waiting: int | None = None
    attended: bool | None = None


class Announcement(Message):
    """``announcement``: a policy, regulation, notice or promotion.

    Above version 1 it was corrected, at ``corrected_at``, and its body begins with what was put right. That somebody
    has read it counts where he said so of ``counts_from`` or a later version; absent, of ``version`` alone.
    Once it was taken back, ``withdrawn_at`` says when and ``withdrawn_why`` for what reason.
    """

    announcement: UUID
    sort: Literal["policy", "regulation", "notice", "promotion", "urgent"]
    title: Text
    body: Text
    version: int
    published_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    must_acknowledge: bool = False
    pinned: bool = False
    corrected_at: AwareDatetime | None = None
    counts_from: int | None = None
    withdrawn_at: AwareDatetime | None = None
    withdrawn_why: Text | None = None
    attachments: tuple[Attachment, ...] = ()
    meeting: Meeting | None = None
    minutes_of: UUID | None = Field(default=None, description="the announcement of the meeting whose minutes these are")


class ForecastMonth(Message):
    """What a shop is going to sell of a class in a month: suggested, its own figure, the one agreed on.

    The interval from ``low_units`` to ``high_units`` holds four times in five.
    """

    period: date
    mean_units: Units
    low_units: Units
    high_units: Units
    own_units: Units | None = None
    agreed_units: Units | None = None


class ForecastPast(Message):
    """A month that is over: what was forecast of it before it began, and what came."""

    period: date
    forecast_units: Units
    came_units: Units | None = None


class ForecastClass(Message):
    """One product class; an empty name is that of the items without one.

    ``error`` is the sum of |forecast − came| over the months of ``past`` by the sum of what came.
    """

    product_class: str
    months: tuple[ForecastMonth, ...]
    past: tuple[ForecastPast, ...] = ()
    error: float | None = None


class Forecast(Message):
    """``forecast``: part ``part`` of ``parts`` of what a shop is going to sell, by forecast number ``version``.

    It knows nothing from the day ``cut_off`` on.
    """

    version: int
    part: int
    parts: int
    cut_off: date
    made_at: AwareDatetime
    classes: tuple[ForecastClass, ...]


class ScorePart(Message):
    """What a component brings of the points that it can bring; ``periods`` is 0 where nothing is known of the shop.

    ``component`` names it in an appeal.
    """

    name: Text
    points: float
    most_points: float
    periods: int
    advice: Text
    component: str | None = None


class Score(Message):
    """``score``: how the shop stands by the scores in force, and why, in sentences; of tiers, 1 is the best.

    ``tier`` and ``weight`` are what counts today, decisions included. An appeal is taken before ``appeals_close_at``;
    the last day for it is ``appeals_until``.
    """

    run: int
    as_of: date
    published_at: AwareDatetime
    points: float
    rank: int
    peers: int
    previous_tier: int | None = None
    tier: int
    tiers: int
    weight: int
    why: Text
    parts: tuple[ScorePart, ...]
    appeals_close_at: AwareDatetime | None = None
    appeals_until: date | None = None


class AppealFigures(Message):
    """The published figures of what an appeal is about; ``component`` is absent where that is the whole.

    ``raw`` is the figure itself with its unit, absent where nothing is known or the whole is meant; ``rank`` of
    ``peers`` the place by it among those that the shop is compared with, 1 being the best. ``above`` and ``below``
    are what the next ones have, points for the whole; told where there are enough peers that they name nobody.
    """

    component: str | None = None
    name: Text
    raw: Text | None = None
    periods: int | None = None
    points: float
    most_points: float
    rank: int | None = None
    peers: int | None = None
    above: Text | None = None
    below: Text | None = None


class Appeal(Message):
    """``appeal``: an appeal as it stands, and its fate: an answer, the figures it stands on, what was changed.

    ``component`` is absent where the whole score is meant; ``answer_until`` is the last day for an answer.
    ``corrected_in`` is the run in which an upheld appeal's corrected figures count, once that is published.
    """

    appeal: UUID
    number: int
    run: int
    component: str | None = None
    state: Literal["received", "looked_at", "upheld", "dismissed"]
    received_at: AwareDatetime
    answer_until: date
    words: str = ""
    figure: int | None = None
    by_telephone: bool = False
    answered_at: AwareDatetime | None = None
    answer: Text | None = None
    figures: tuple[AppealFigures, ...] = ()
    remedy: Text | None = None
    corrected_in: int | None = None


class ScoreDecision(Message):
    """``decision``: a dated decision of two persons on the shop, from the day ``since`` to the day before ``until``.

    Where it was ended early, ``until`` is the day of that and ``ended_why`` says why.
    """

    decision: UUID
    sort: Literal["suspended", "lowered"]
    tier: int | None = Field(default=None, description="the best tier that a lowered shop may have")
    since: date
    until: date
    reason: str
    state: Literal["coming", "holding", "over"]
    ended_why: str | None = None


class Remedy(Message):
    """What an upheld dispute about a grant is made good by, confirmed by a second person.

    ``units`` of ``sku`` are credited in the next sharings in which the shop orders it; or nothing is, ``because`` of
    something.
    """

    sort: Literal["credit", "none"]
    sku: Sku | None = None
    units: Units | None = None
    because: Text | None = None


class Feedback(Message):
    """``feedback``: a complaint, suggestion or question as it stands; nothing is closed without an answer.

    ``answer_until`` is the last day for an answer, ``answer`` the newest one. Once it is closed it can be rated;
    ``reopen_until`` is the last day for asking to look at it again, absent where that cannot be asked. While it is
    paused, since ``paused_at`` and ``because`` of something, the clock of the deadline ``due_at`` stands. A grant or
    tier that is disputed has a ``decision`` with its answer; ``result_sha256`` and ``certificate_sha256`` are those of
    the explanation that was frozen with it.
    """

    feedback: UUID
    number: int
    kind: FeedbackKind
    category: FeedbackCategory
    about: FeedbackAbout | None = None
    words: str
    state: Literal["received", "looked_at", "answered", "closed"]
    received_at: AwareDatetime
    answer_until: date
    by_telephone: bool = False
    answer: Text | None = None
    answered_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    reopen_until: date | None = None
    reopened: str | None = None
    satisfaction: int | None = None
    due_at: AwareDatetime | None = None
    paused_at: AwareDatetime | None = None
    because: Text | None = None
    decision: Literal["upheld", "dismissed"] | None = None
    remedy: Remedy | None = None
    result_sha256: str | None = None
    certificate_sha256: str | None = None


class ReferenceChanged(Message):
    """``reference``: fetch the reference document again; its ETag is ``version``."""

    version: str


class DesiredSetting(Message):
    """One setting as the distributor wants it; ``version`` is that of the desired state in which it was last set.

    A value that is not ``held`` is followed once, at its version; after that the shop may choose another one.
    """

    value: str
    held: bool = False
    version: Annotated[int, Field(ge=1)]


class Desired(Message):
    """``desired``: the whole desired state of one terminal. What is not named in it is the shop's.

    What is new in it follows from the versions: a terminal takes the settings whose version is above the one that it
    has taken, in whatever order and however often it is told.
    """

    device: str
    version: Annotated[int, Field(ge=1)]
    settings: dict[str, DesiredSetting]


class Command(Message):
    """One thing that a terminal is asked to do, once, not after ``expires_at`` by the server's clock.

    ``called_back``: it is not wanted any more; what is under way ends where it safely can.
    """

    command: UUID
    kind: str
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    params: dict[str, str] = Field(default={}, description="what the kind takes")
    called_back: bool = False


class Commands(Message):
    """``commands``: everything that one terminal is still asked to do, oldest first, and what it is to leave be.

    A terminal answers each by ``command.state``. What it has begun or answered before it passes over: an older list may
    still name it.
    """

    device: str
    commands: tuple[Command, ...]


DOWN: dict[str, type[Message]] = {
    "receipt": Receipt,
    "window": WindowState,
    "order": OrderState,
    "book": BookEntry,
    "grants": Grants,
    "delivery": Delivery,
    "stock": Stock,
    "survey": Survey,
    "announcement": Announcement,
    "registration": Registration,
    "forecast": Forecast,
    "score": Score,
    "appeal": Appeal,
    "decision": ScoreDecision,
    "feedback": Feedback,
    "reference": ReferenceChanged,
    "desired": Desired,
    "commands": Commands,
}

#: Lines that fit into one ``grants`` item below the size of an envelope.
GRANTS_PER_PART: Annotated[int, "lines"] = 50
#: Classes that fit into one ``forecast`` item.
CLASSES_PER_PART: Annotated[int, "classes"] = 12
