"""Who stands at the terminal: the owner's PIN and the clerk's, both optional.

Without a PIN everybody may do everything, as before. With the owner's, what is the owner's alone asks for it, and
everybody else works as clerk. With the clerk's as well, nothing is done before one of the two is entered, and the
screen locks when nobody touches it.

A PIN is kept as a salted scrypt hash. Each try is counted in the store before it is looked at, so that no power cut
gives one for free; from the fifth wrong one on, each costs a waiting time that doubles. It runs on the steady clock
and begins anew with a restart: neither shortens it. A forgotten owner's PIN is cleared by enrolling anew.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

from terminal_client.core.ports import Clock
from terminal_client.core.store import Store

Role = Literal["owner", "clerk"]
ROLES: tuple[Role, ...] = ("owner", "clerk")
LEAST_DIGITS, MOST_DIGITS = 4, 8
FREE_TRIES = 5
FIRST_WAIT_MS, MOST_WAIT_MS = 30_000, 15 * 60_000
#: 8 MB and a twentieth of a second: dear for who holds the file, small enough for the machine.
COST_N, COST_R, COST_P = 1 << 13, 8, 1
COST_MEMORY = 32 * 1024 * 1024
IDLE_MINUTES = ("2", "5", "10", "30")
IDLE_USUALLY = "5"
#: So long before it locks, the screen says so.
WARNING_MS = 30_000


class PinError(Exception):
    """A PIN that cannot be taken: ``form``, ``same`` as the other one's, ``owner_first``, ``wrong`` or ``wait``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Standing:
    """Who may do what now. ``locks_in_ms`` is absent where nothing locks."""

    role: Role
    locked: bool
    locks_in_ms: int | None


class Door:
    """The lock of one terminal; the store keeps the PINs, the process who entered one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._tried_at_ms = clock.monotonic_ms()
        self._role: Role | None = None
        self._touched_at_ms = clock.monotonic_ms()

    # what is set

    def has(self, role: Role) -> bool:
        """Return whether a role has a PIN."""
        return bool(self._store.setting(f"pin.{role}", ""))

    def idle_ms(self) -> int:
        """Return after how long nobody's touch the screen locks."""
        return int(self._store.setting("pin.idle", IDLE_USUALLY)) * 60_000

    def set_pin(self, role: Role, pin: str) -> None:
        """Give a role a PIN, or a new one.

        Raises
        ------
        PinError
            ``form``, ``same``, ``owner_first``: a clerk's PIN without an owner's would shut the owner out.
        """
        if not (pin.isascii() and pin.isdecimal() and LEAST_DIGITS <= len(pin) <= MOST_DIGITS):
            raise PinError("form")
        if role == "clerk" and not self.has("owner"):
            raise PinError("owner_first")
        other: Role = "clerk" if role == "owner" else "owner"
        if self._fits(other, pin):
            raise PinError("same")
        salt = secrets.token_bytes(16)
        self._store.choose(f"pin.{role}", f"{salt.hex()}:{_hash(pin, salt).hex()}")
        if role == "owner":
            self._role = "owner"

    def clear(self, role: Role) -> None:
        """Take a role's PIN away; the owner's takes the clerk's along."""
        with self._store.transaction():
            self._store.choose("pin.clerk", "")
            if role == "owner":
                self._store.choose("pin.owner", "")
                self._store.choose("pin.wrong", "0")

    # who stands there

    def standing(self) -> Standing:
        """Return who may do what now."""
        if not self.has("owner"):
            return Standing("owner", locked=False, locks_in_ms=None)
        left_ms = self._touched_at_ms + self.idle_ms() - self._clock.monotonic_ms()
        if self._role is not None and left_ms <= 0:
            self._role = None
        role: Role = self._role or "clerk"
        waits = self._role == "owner" or (self._role is not None and self.has("clerk"))
        return Standing(role, self._role is None and self.has("clerk"), max(0, left_ms) if waits else None)

    def who(self) -> Role | None:
        """Return who stands there, or none where there are no PINs to tell by."""
        return self.standing().role if self.has("owner") else None

    def touch(self) -> None:
        """Note that somebody is there."""
        if not self.standing().locked:
            self._touched_at_ms = self._clock.monotonic_ms()

    def untouched_ms(self) -> int:
        """Return for how long nobody has touched the screen."""
        return self._clock.monotonic_ms() - self._touched_at_ms

    def lock(self) -> None:
        """Let the next one enter a PIN."""
        self._role = None

    def enter(self, pin: str) -> Role:
        """Open with a PIN; return whose it is.

        Raises
        ------
        PinError
            ``wrong``, or ``wait`` while a waiting time runs; then nothing was looked at.
        """
        if self.wait_ms():
            raise PinError("wait")
        self._tried_at_ms = self._clock.monotonic_ms()
        self._store.choose("pin.wrong", str(self.wrong_tries() + 1))
        for role in ROLES:
            if self._fits(role, pin):
                self._store.choose("pin.wrong", "0")
                self._role, self._touched_at_ms = role, self._clock.monotonic_ms()
                return role
        raise PinError("wrong")

    def wrong_tries(self) -> int:
        """Return how many wrong tries there were since the last right one."""
        return int(self._store.setting("pin.wrong", "0"))

    def wait_ms(self) -> int:
        """Return how long no PIN is looked at."""
        over = self.wrong_tries() - FREE_TRIES
        if over < 0:
            return 0
        wait_ms = min(MOST_WAIT_MS, FIRST_WAIT_MS << min(over, 16))
        return max(0, self._tried_at_ms + wait_ms - self._clock.monotonic_ms())

    def _fits(self, role: Role, pin: str) -> bool:
        salt, _, kept = self._store.setting(f"pin.{role}", "").partition(":")
        return bool(kept) and hmac.compare_digest(_hash(pin, bytes.fromhex(salt)), bytes.fromhex(kept))


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=COST_N, r=COST_R, p=COST_P, maxmem=COST_MEMORY, dklen=32)
