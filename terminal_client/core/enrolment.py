"""The enrolment that is under way, kept so that it goes on after a restart. Guarantees: one row, or none."""

from dataclasses import dataclass
from typing import Literal

from terminal_client.core.store import Store

State = Literal["asking", "waiting", "refused", "expired"]


@dataclass(frozen=True)
class Pending:
    """What was asked, and how it stands: not answered yet, waiting for somebody to compare, refused, or too late."""

    code: str
    key: str
    csr: str
    clears_pins: bool
    state: State
    reason: str


def pending(store: Store) -> Pending | None:
    """Return the enrolment that is under way, if any."""
    found = store.rows("SELECT code, key, csr, clears_pins, state, reason FROM enrolment")
    if not found:
        return None
    code, key, csr, clears_pins, state, reason = found[0]
    return Pending(code, key, csr, bool(clears_pins), state, reason)


def begin(store: Store, code: str, key: str, csr: str, *, clears_pins: bool) -> Pending:
    """Keep what is going to be asked, in place of what was asked before."""
    with store.transaction():
        store.execute(
            "INSERT OR REPLACE INTO enrolment VALUES (1, ?, ?, ?, ?, 'asking', '')", (code, key, csr, int(clears_pins))
        )
    return Pending(code, key, csr, clears_pins, "asking", "")


def stands(store: Store, state: State, reason: str = "") -> None:
    """Keep how it stands."""
    with store.transaction():
        store.execute("UPDATE enrolment SET state = ?, reason = ?", (state, reason))


def forget(store: Store) -> None:
    """Nothing is under way any more."""
    with store.transaction():
        store.execute("DELETE FROM enrolment")
