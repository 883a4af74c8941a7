"""Complaints, suggestions and questions: what is being written, what was sent, and what became of it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contract.feed import Delivery, Feedback, Grants, OrderState, Score, Text
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind
from terminal_client.core import feed, outbox
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store

State = Literal["saved", "sent", "received", "refused", "looked_at", "answered", "closed"]
KINDS: tuple[FeedbackKind, ...] = ("complaint", "suggestion", "question")
CATEGORIES: tuple[FeedbackCategory, ...] = ("goods", "delivery", "grant", "price", "terminal", "employee", "other")
DISPUTED = ("grant", "tier")
OFFERED = 4
"""So many of the last deliveries and orders, and half as many allocations, are offered as what it is about."""


@dataclass(frozen=True)
class Draft:
    """What is being said; ``sort`` and ``name`` are what it is about, empty for nothing in particular."""

    kind: str = ""
    category: str = ""
    words: str = ""
    sort: str = ""
    name: str = ""

    @property
    def about(self) -> FeedbackAbout | None:
        """What it is about, as the message has it."""
        return FeedbackAbout.model_validate({"sort": self.sort, "name": self.name}) if self.sort else None


@dataclass(frozen=True)
class Subject:
    """Something that it can be about: by its number and day (a tier by itself), its name, or what it is called."""

    sort: Literal["order", "delivery", "cycle", "grant", "tier", "employee"]
    name: str
    number: int | None
    called: Text | None
    at: datetime


@dataclass(frozen=True)
class View:
    """One complaint, suggestion or question: as it was said here, as the server tells of it, or both.

    ``rated`` is the newest message that rates or reopens it and was not refused; ``refused`` one that was.
    """

    id: UUID
    kind: str
    category: str
    words: str
    entry: Entry | None
    told: Feedback | None
    rated: Entry | None
    refused: Entry | None

    @property
    def state(self) -> State:
        """Where it stands: *saved* here, *sent*, *received* or *refused*, then what the server says."""
        if self.told is not None:
            return self.told.state
        return "saved" if self.entry is None else self.entry.state

    @property
    def number(self) -> int | None:
        """The number by which people name it, once it was received."""
        if self.told is not None:
            return self.told.number
        return None if self.entry is None else self.entry.number

    @property
    def on_its_way(self) -> bool:
        """Whether a mark or the asking to look again has no receipt yet."""
        return self.rated is not None and self.rated.state in ("saved", "sent")

    @property
    def to_rate(self) -> bool:
        """Whether the shop can say how well it was done."""
        return self.state == "closed" and self.told is not None and self.told.satisfaction is None and not self.waits

    @property
    def waits(self) -> bool:
        """Whether something was said of the answer that the server's word does not show yet."""
        if self.rated is None or self.told is None:
            return False
        if self.rated.data.get("reopen"):
            return self.told.reopened is None
        return self.on_its_way


def subject(feedback: UUID) -> str:
    """Return what messages about a complaint, suggestion or question are about."""
    return f"feedback:{feedback}"


def read_all(store: Store) -> list[View]:
    """Return everything that was said, the newest first."""
    told = {one.feedback: one for one in feed.read(store, Feedback)}
    sent = {entry.id: entry for entry in outbox.of_kinds(store, "feedback.send")}
    rated: dict[str, list[Entry]] = {}
    for entry in outbox.of_kinds(store, "feedback.rate"):
        rated.setdefault(entry.subject, []).append(entry)
    views = [_view(one, sent.get(one), told.get(one), rated.get(subject(one), [])) for one in {**told, **sent}]
    return sorted(views, key=_at_ms, reverse=True)


def read(store: Store, feedback: UUID) -> View | None:
    """Return one of them, or none."""
    return next((one for one in read_all(store) if one.id == feedback), None)


def can_reopen(view: View, clock: ServerClock, today: str) -> bool:
    """Return whether the shop can ask to look at it again; ``today`` is its day, like ``2027-03-21``."""
    if view.told is None or view.told.reopen_until is None or view.waits:
        return False
    return not clock.trusted or today <= view.told.reopen_until.isoformat()


def disputed(store: Store, sort: str, name: str) -> Subject | None:
    """Return what is disputed as it was told here, a line of what was granted or a tier; none where it was not."""
    return {"grant": _grant, "tier": _tier}[sort](store, name) if sort in DISPUTED else None


def _grant(store: Store, name: str) -> Subject | None:
    cycle, _, sku = name.partition("/")
    for told in feed.read(store, Grants):
        if str(told.cycle) == cycle and any(line.sku == sku for line in told.lines):
            called = Text(zh=f"{told.name.zh} {sku}", en=f"{told.name.en} {sku}")
            return Subject("grant", name, None, called, told.released_at)
    return None


def _tier(store: Store, name: str) -> Subject | None:
    found = (one for one in feed.read(store, Score) if str(one.run) == name)
    return next((Subject("tier", name, one.tier, None, one.published_at) for one in found), None)


def subjects(store: Store, kept: Draft | None = None) -> list[Subject]:
    """Return what it can be about: the grant or tier that is disputed, the last deliveries, orders and allocations."""
    named = None if kept is None else disputed(store, kept.sort, kept.name)
    deliveries = [
        Subject("delivery", str(one.delivery), one.number, None, one.shipped_at)
        for one in feed.newest(store, Delivery, OFFERED)
    ]
    orders = [
        Subject("order", str(one.order), one.number, None, one.at) for one in feed.newest(store, OrderState, OFFERED)
    ]
    granted = {one.cycle: one for one in feed.newest(store, Grants, OFFERED) if one.part == 1}
    cycles = [Subject("cycle", str(one.cycle), None, one.name, one.released_at) for one in granted.values()]
    return [*([named] if named else []), *deliveries, *orders, *cycles[: OFFERED // 2]]


def draft(store: Store, about: UUID | None = None) -> Draft | None:
    """Return what is being written: something new, or words on the answer to ``about``."""
    rows = store.rows("SELECT draft FROM draft_feedback WHERE about = ?", (_key(about),))
    return Draft(**json.loads(rows[0][0])) if rows else None


def put_draft(store: Store, kept: Draft, about: UUID | None = None) -> None:
    """Keep what is being written, inside the caller's transaction."""
    text = json.dumps(asdict(kept), ensure_ascii=False)
    store.execute("INSERT OR REPLACE INTO draft_feedback VALUES (?, ?)", (_key(about), text))


def drop_draft(store: Store, about: UUID | None = None) -> None:
    """Forget what was being written, inside the caller's transaction."""
    store.execute("DELETE FROM draft_feedback WHERE about = ?", (_key(about),))


def _key(about: UUID | None) -> str:
    return "" if about is None else str(about)


def _view(id_: UUID, entry: Entry | None, told: Feedback | None, rated: list[Entry]) -> View:
    good = [one for one in rated if one.state != "refused"]
    bad = [one for one in rated if one.state == "refused" and not one.dealt_with]
    if told is not None:
        said = (str(told.kind), str(told.category), told.words)
    else:
        data = {} if entry is None else entry.data
        said = (data.get("kind", ""), data.get("category", ""), data.get("words", ""))
    return View(id_, *said, entry, told, good[-1] if good else None, bad[-1] if bad else None)


def _at_ms(view: View) -> int:
    if view.told is not None:
        return milliseconds(view.told.received_at)
    return 0 if view.entry is None else view.entry.saved_at_ms
