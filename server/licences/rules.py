"""Pure decisions about licences: what a sound one is, and the life of a file about one.

A *file* is one matter about one licence, from its first paper to its decision. An application or a renewal is entered,
inspected, then granted or refused; a suspension, a restoration or a cancellation is proposed, then signed. Who decides
took no step before: two persons. Either kind can be withdrawn while it is open.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from contract.errors import Conflict, Rejected
from server.kit.fields import Reason, Unfit
from server.kit.identity import Role
from server.kit.marking import N_
from server.kit.workdays import working_days_after

Holding = Literal["held", "expiring", "expired", "suspended", "cancelled"]
"""How a licence may be asked for; *held* is valid, whether it runs out soon or not."""

LAST_BEFORE_FIRST = Reason("last_before_first", N_("The last day lies before the first, {first}."))
REASON_NEEDED = Reason("reason_needed", N_("A licence is suspended or cancelled for a reason. Write it."))

Matter = Literal["application", "renewal", "suspension", "restoration", "cancellation"]
FileState = Literal["received", "inspected", "proposed", "granted", "refused", "signed", "withdrawn"]
Step = Literal["entered", "inspected", "granted", "refused", "signed", "withdrawn"]

INSPECT_WORKING_DAYS: Final = 10
"""An application or a renewal is inspected within so many working days of its entry."""
DECIDE_WORKING_DAYS: Final = 20
"""It is decided within so many working days of its entry (Administrative Licensing Law, articles 42 and 82)."""
SIGN_WORKING_DAYS: Final = 5
"""What is proposed is signed or withdrawn within so many working days."""

NOTICE_STEPS_USUAL: Final = (60, 15)
"""Days before its end from which a shop is told that its licence runs out, where nothing else is set."""

ASKED: Final[frozenset[Matter]] = frozenset({"application", "renewal"})
"""Matters that a shop asks for; the others are proposed by an inspector."""
OPEN: Final[frozenset[FileState]] = frozenset({"received", "inspected", "proposed"})

INSPECTORS: Final[tuple[Role, ...]] = ("inspector",)
DECIDERS: Final[tuple[Role, ...]] = ("inspector", "regional", "administrator")


@dataclass(frozen=True)
class Move:
    """Where a step leads, who may do it, and whether that must be a person who took no step of the file before."""

    to: FileState
    roles: tuple[Role, ...]
    another: bool = False


MOVES: Final[Mapping[tuple[FileState, Step], Move]] = {
    ("received", "inspected"): Move("inspected", INSPECTORS),
    ("received", "withdrawn"): Move("withdrawn", DECIDERS),
    ("inspected", "granted"): Move("granted", DECIDERS, another=True),
    ("inspected", "refused"): Move("refused", DECIDERS, another=True),
    ("inspected", "withdrawn"): Move("withdrawn", DECIDERS),
    ("proposed", "signed"): Move("signed", DECIDERS, another=True),
    ("proposed", "withdrawn"): Move("withdrawn", DECIDERS),
}

LICENCE_BEFORE: Final[Mapping[Matter, frozenset[str]]] = {
    "renewal": frozenset({"valid", "suspended"}),
    "suspension": frozenset({"valid"}),
    "restoration": frozenset({"suspended"}),
    "cancellation": frozenset({"valid", "suspended"}),
}
"""How the licence must stand for a file about it to be opened, and again when it is signed."""

LICENCE_AFTER: Final[Mapping[Matter, str]] = {
    "suspension": "suspended",
    "restoration": "valid",
    "cancellation": "cancelled",
}
"""How the licence stands once the file is signed."""


def begins(matter: Matter) -> FileState:
    """Return the state in which a file begins."""
    return "received" if matter in ASKED else "proposed"


def may(state: FileState, roles: Collection[Role], name: str, acted: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that a person with ``roles`` may take now, where those in ``acted`` took steps before."""
    return tuple(
        step
        for (at, step), move in MOVES.items()
        if at == state and not set(roles).isdisjoint(move.roles) and not (move.another and name in acted)
    )


def next_state(state: FileState, step: Step, roles: Collection[Role], name: str, acted: Collection[str]) -> FileState:
    """Return where a step leads.

    Raises
    ------
    Conflict, Rejected
        ``wrong_state`` where the step does not follow; ``not_allowed``; ``same_person``.
    """
    move = MOVES.get((state, step))
    if move is None:
        needed = sorted(at for at, known in MOVES if known == step)
        raise Conflict("wrong_state", state=state, needed=" / ".join(needed))
    if set(roles).isdisjoint(move.roles):
        raise Rejected("not_allowed", role=" / ".join(move.roles))
    if move.another and name in acted:
        raise Rejected("same_person", name=name)
    return move.to


def due_on(state: FileState, entered: date) -> date | None:
    """Return the last day for the next step of a file that was entered on a day; none once it is decided."""
    if state == "proposed":
        return working_days_after(entered, SIGN_WORKING_DAYS)
    if state == "received":
        return working_days_after(entered, INSPECT_WORKING_DAYS)
    if state == "inspected":
        return working_days_after(entered, DECIDE_WORKING_DAYS)
    return None


def check_licence(matter: Matter, stands: str | None, name: str) -> None:
    """Refuse a matter that does not fit how its licence is kept: ``stands`` is none where there is no such licence.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``.
    """
    needed = LICENCE_BEFORE.get(matter)
    if needed is None:
        return
    if stands is None:
        raise Rejected("not_found", what="licence", name=name)
    if stands not in needed:
        raise Conflict("wrong_state", state=stands, needed=" / ".join(sorted(needed, reverse=True)))


def is_sound(licence: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what is wrong with a licence as a whole: its span, or a missing reason."""
    if licence["valid_until"] < licence["valid_from"]:
        return "valid_until", Unfit(LAST_BEFORE_FIRST, first=licence["valid_from"].isoformat())
    if licence["state"] != "valid" and not licence["state_reason"]:
        return "state_reason", Unfit(REASON_NEEDED)
    return None
