"""Pure decisions about feedback: what may be done with it in which state, who sees it, who is next."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final, Literal

from contract.errors import Conflict, Rejected
from server.kit.identity import Operator, Role

State = Literal["received", "looked_at", "answered", "closed"]
Way = Literal["terminal", "telephone", "visit", "counter"]
Decision = Literal["upheld", "dismissed"]
RemedyState = Literal["proposed", "confirmed", "returned"]

OPEN: Final[tuple[State, ...]] = ("received", "looked_at")
"""Feedback in one of these waits for an answer."""

ACTORS: Final[tuple[Role, ...]] = ("planner", "administrator", "manager", "regional", "dispatcher")
"""Who may enter, own and answer feedback."""

DISPUTED: Final = ("grant", "tier")
"""What is disputed by naming it: such feedback carries the explanation, and is answered by a decision."""

NAME_LEAST: Final = 2
"""So many letters two names share before one is taken for a part of the other."""


def reopen_until(done_at: datetime, zone: tzinfo, days: int) -> date:
    """Return the last day on which what was answered or closed at ``done_at`` can be reopened."""
    return done_at.astimezone(zone).date() + timedelta(days=days)


def sees(operator: Operator, category: str, concerns: Collection[str], owner: str | None) -> bool:
    """Return whether a person sees feedback.

    What is about an employee is seen by its owner and, once it is known whom it concerns or while nobody owns it, by
    administrators; never by whom it concerns, and by no program.
    """
    if operator.name in concerns:
        return False
    if category != "employee":
        return True
    if operator.scopes is not None:
        return False
    return operator.name == owner or (operator.may("administrator") and (owner is None or bool(concerns)))


def concerned(said: str, accounts: Iterable[str]) -> list[str]:
    """Return the accounts that a shop means by how it calls an employee: those of that name, else those that hold it.

    Rather one too many than one too few: whom it may concern does not see it.
    """
    called = "".join(said.casefold().split())
    plain = {name: "".join(name.casefold().split()) for name in accounts}
    same = sorted(name for name, one in plain.items() if one == called)
    if same or len(called) < NAME_LEAST:
        return same
    return sorted(name for name, one in plain.items() if len(one) >= NAME_LEAST and (one in called or called in one))


def next_person(
    chain: Sequence[str], had: Collection[str], owner: str | None, concerns: Collection[str], people: Collection[str]
) -> str | None:
    """Return who is next in a chain: after its owner, else the first one beside those who ``had`` it; or none.

    Passed over are whom it concerns, and who may not act (any more).
    """
    fit = [name for name in chain if name not in concerns and name in people]
    if owner in fit:
        return next(iter(fit[fit.index(owner) + 1 :]), None)
    return next((name for name in fit if name not in had), None)


def check_open(state: State) -> None:
    """Refuse to give to a person, or to answer, what waits for no answer.

    Raises
    ------
    Conflict
        ``wrong_state``.
    """
    if state not in OPEN:
        raise Conflict("wrong_state", state=state, needed=" / ".join(OPEN))


def check_pausing(number: int, state: State, paused_at: datetime | None) -> None:
    """Refuse to pause what waits for no answer, or is paused.

    Raises
    ------
    Conflict
        ``wrong_state``, ``feedback_paused``.
    """
    check_open(state)
    if paused_at is not None:
        raise Conflict("feedback_paused", number=number)


def check_decision(number: int, decision: Decision | None, *, disputed: bool) -> None:
    """Refuse an answer without a decision where one is due, and a decision where nothing is disputed.

    Raises
    ------
    Rejected
        ``feedback_decision``; ``malformed``.
    """
    if disputed and decision is None:
        raise Rejected("feedback_decision", number=number)
    if decision is not None and not disputed:
        raise Rejected("malformed", where="decision", what="nothing is disputed")


def disputed(explanation: Mapping[str, Any] | None) -> str | None:
    """Return what is disputed, ``grant`` or ``tier``; none where nothing is."""
    return None if explanation is None else str(explanation["sort"])


def made_good(decision: Decision | None, disputed: str | None) -> bool:
    """Return whether an answer needs a remedy and a second person: one that upholds a dispute about a grant."""
    return decision == "upheld" and disputed == "grant"


def check_closing(number: int, state: State) -> None:
    """Refuse to close what has no answer, and what is closed.

    Raises
    ------
    Conflict
        ``feedback_unanswered``, ``wrong_state``.
    """
    if state in OPEN:
        raise Conflict("feedback_unanswered", number=number)
    if state != "answered":
        raise Conflict("wrong_state", state=state, needed="answered")


def check_rating(number: int, state: State, satisfaction: int | None) -> None:
    """Refuse to rate what is not closed, or was rated.

    Raises
    ------
    Rejected, Conflict
        ``feedback_not_closed``, ``feedback_rated``.
    """
    if state != "closed":
        raise Rejected("feedback_not_closed", number=number)
    if satisfaction is not None:
        raise Conflict("feedback_rated", number=number)


def check_reopening(
    number: int, state: State, done_at: datetime | None, at: datetime, zone: tzinfo, *, again: bool, days: int
) -> None:
    """Refuse to reopen what waits for an answer, may not be reopened ``again``, or was done too long ago.

    Raises
    ------
    Rejected
        ``feedback_open``, ``feedback_reopened``, ``feedback_reopen_over`` with the last day.
    """
    if state in OPEN or done_at is None:
        raise Rejected("feedback_open", number=number)
    if not again:
        raise Rejected("feedback_reopened", number=number)
    until = reopen_until(done_at, zone, days)
    if at >= datetime.combine(until + timedelta(days=1), time(), zone):
        raise Rejected("feedback_reopen_over", number=number, until=until.isoformat())
