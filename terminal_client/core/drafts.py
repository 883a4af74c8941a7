"""Unfinished work: order lines, counts of a delivery, answers of a survey. Kept at every tap."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from uuid import UUID

from contract.messages import Answer, OrderLine
from terminal_client.core.delivery_rules import Count
from terminal_client.core.store import Store


@dataclass(frozen=True)
class Draft:
    """An order that is being written. ``amends`` names the order whose ``revision`` it changes.

    ``sent_as`` is the message that carries it, until the server's answer: then it goes, or is free again.
    """

    window: UUID
    lines: tuple[OrderLine, ...] = ()
    amends: UUID | None = None
    revision: int | None = None
    sent_as: UUID | None = None


def read(store: Store, window: UUID) -> Draft:
    """Return the draft of a window; an empty one where nothing was begun."""
    found = store.rows("SELECT amends, revision, sent_as FROM draft WHERE window = ?", (str(window),))
    if not found:
        return Draft(window)
    amends, revision, sent_as = found[0]
    rows = store.rows("SELECT sku, quantity_units FROM draft_line WHERE window = ?", (str(window),))
    lines = tuple(OrderLine(sku=sku, quantity_units=units) for sku, units in rows)
    return Draft(window, lines, amends and UUID(amends), revision, sent_as and UUID(sent_as))


def put_line(store: Store, window: UUID, sku: str, quantity_units: int) -> None:
    """Set one line inside the caller's transaction; zero takes it away."""
    store.execute("INSERT OR IGNORE INTO draft (window) VALUES (?)", (str(window),))
    if quantity_units:
        store.execute("INSERT OR REPLACE INTO draft_line VALUES (?, ?, ?)", (str(window), sku, quantity_units))
    else:
        store.execute("DELETE FROM draft_line WHERE window = ? AND sku = ?", (str(window), sku))


def replace(store: Store, draft: Draft) -> None:
    """Put ``draft`` in place of the window's earlier one, inside the caller's transaction."""
    discard(store, draft.window)
    store.execute(
        "INSERT INTO draft VALUES (?, ?, ?, ?)",
        (str(draft.window), _text(draft.amends), draft.revision, _text(draft.sent_as)),
    )
    for line in draft.lines:
        put_line(store, draft.window, line.sku, line.quantity_units)


def mark_sent(store: Store, window: UUID, message: UUID) -> None:
    """Note which message carries the draft, inside the caller's transaction."""
    store.execute("UPDATE draft SET sent_as = ? WHERE window = ?", (str(message), str(window)))


def discard(store: Store, window: UUID) -> None:
    """Take the window's draft away, inside the caller's transaction."""
    store.execute("DELETE FROM draft WHERE window = ?", (str(window),))


def _text(id_: UUID | None) -> str | None:
    return None if id_ is None else str(id_)


def counts(store: Store, delivery: UUID) -> dict[str, Count]:
    """Return what was counted so far of a delivery, by SKU."""
    rows = store.rows("SELECT sku, line FROM draft_count WHERE delivery = ?", (str(delivery),))
    return {sku: Count(**json.loads(line)) for sku, line in rows}


def put_count(store: Store, delivery: UUID, sku: str, count: Count | None) -> None:
    """Keep what was counted of one line, inside the caller's transaction; none takes it away."""
    if count is None:
        store.execute("DELETE FROM draft_count WHERE delivery = ? AND sku = ?", (str(delivery), sku))
        return
    store.execute(
        "INSERT OR REPLACE INTO draft_count VALUES (?, ?, ?)",
        (str(delivery), sku, json.dumps(asdict(count), ensure_ascii=False)),
    )


def drop_counts(store: Store, delivery: UUID) -> None:
    """Forget the counts of a delivery, inside the caller's transaction: they are in a message now."""
    store.execute("DELETE FROM draft_count WHERE delivery = ?", (str(delivery),))


def answers(store: Store, survey: UUID) -> dict[str, Answer]:
    """Return what was answered so far, by question."""
    rows = store.rows("SELECT question, answer FROM draft_answer WHERE survey = ?", (str(survey),))
    return {question: Answer.model_validate_json(answer) for question, answer in rows}


def put_answers(store: Store, survey: UUID, given: Iterable[Answer]) -> None:
    """Keep answers, inside the caller's transaction."""
    for answer in given:
        store.execute(
            "INSERT OR REPLACE INTO draft_answer VALUES (?, ?, ?)",
            (str(survey), answer.question, answer.model_dump_json()),
        )


def drop_answers(store: Store, survey: UUID) -> None:
    """Forget the answers of a survey, inside the caller's transaction: they are in a message now."""
    store.execute("DELETE FROM draft_answer WHERE survey = ?", (str(survey),))
