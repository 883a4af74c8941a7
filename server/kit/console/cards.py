"""Cards of the first page: each capability says what is worth a glance today."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from server.kit.identity import Operator


@dataclass(frozen=True)
class Card:
    """One card: its head here, its inside by ``template`` with ``context``.

    ``title`` is an English text marked with ``N_``; cards stand by ``order``; ``href`` leads to the room;
    ``tone`` says whether somebody must act: ``stop`` now, ``wait`` soon, ``ok`` not at all.
    """

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    order: int = 50
    href: str | None = None
    tone: Literal["ok", "wait", "stop", "note"] = "ok"
    wide: bool = False


Cards = Callable[[Session, Operator, datetime], list[Card]]


@dataclass(frozen=True)
class Part:
    """Cards that are read together: with the page itself, or by one small request of their own.

    ``label`` is an English text marked with ``N_``, for as long as the cards are under way.
    """

    key: str
    label: str
    contributed: tuple[Cards, ...]
    with_page: bool = False

    def read(self, session: Session, operator: Operator, now: datetime) -> list[Card]:
        """Return the cards that the person gets, in their order."""
        cards = [card for contribute in self.contributed for card in contribute(session, operator, now)]
        return sorted(cards, key=lambda card: card.order)
