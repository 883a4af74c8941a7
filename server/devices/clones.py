"""Two machines with one identity: noticed by the addresses that it is used from. Nothing here commits.

An identity is copied where it is used from one address, from another, from the first again and from the second again,
within a minute; or where sessions throw each other out again and again. A shop whose address changes goes from one to
the other and stays there.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server.devices.models import DeviceClone, DeviceRow
from server.kit import audit
from server.kit.identity import SYSTEM

Way = Literal["mqtt", "http"]
WITHIN_S: Final[dict[Way, float]] = {"mqtt": 60.0, "http": 300.0}
RETURNS: Final = 2
TAKEOVERS: Final = 3
SAID_AGAIN_AFTER_S: Final = 3600.0
DEVICES_MOST: Final = 100_000


def are_two(uses: Iterable[tuple[str, bool]]) -> bool:
    """Return whether uses within the time, (address, whether it threw another session out), are of two machines."""
    last, left, returns, takeovers = "", set[str](), 0, 0
    for address, took_over in uses:
        takeovers += took_over
        if last and address != last:
            returns += address in left
            left.add(last)
        last = address
    return returns >= RETURNS or takeovers >= TAKEOVERS


class Watch:
    """The last uses of each identity by one way; kept in this process's memory for as long as they count."""

    def __init__(self, way: Way) -> None:
        self.way: Way = way
        self._lock = threading.Lock()
        self._uses: dict[str, deque[tuple[float, str, bool]]] = {}
        self._said_s: dict[str, float] = {}

    def used(self, device: str, address: str, now_s: float, *, took_over: bool = False) -> list[str] | None:
        """Note a use; return the addresses where it shows two machines, once an hour for each identity."""
        with self._lock:
            uses = self._uses.setdefault(device, deque())
            if uses and uses[-1][1] == address and not took_over:  # the usual case keeps one entry
                uses[-1] = (now_s, address, uses[-1][2])
            else:
                uses.append((now_s, address, took_over))
            while uses[0][0] < now_s - WITHIN_S[self.way]:
                uses.popleft()
            if len(self._uses) > DEVICES_MOST:
                self._uses = {device: uses}
            if len(uses) <= RETURNS or not are_two((where, took) for _, where, took in uses):
                return None
            if now_s - self._said_s.get(device, -SAID_AGAIN_AFTER_S) < SAID_AGAIN_AFTER_S:
                return None
            self._said_s[device] = now_s
            return sorted({where for _, where, _ in uses})


def tell(session: Session, device: str, addresses: list[str], way: Way, *, at: datetime) -> None:
    """Write down that an identity is used by two machines, and alert."""
    if session.get(DeviceRow, device) is None:
        return
    values = {"last_at": at, "addresses": addresses, "way": way}
    session.execute(
        insert(DeviceClone)
        .values(device=device, first_at=at, **values)
        .on_conflict_do_update(index_elements=["device"], set_=values)
    )
    audit.record(
        session,
        actor=SYSTEM,
        action="device.cloned",
        subject=f"device:{device}",
        at=at,
        detail={"addresses": addresses, "way": way},
        alert=True,
    )


def clone(session: Session, device: str) -> DeviceClone | None:
    """Return what is known of a second machine with this identity; none where nothing was noticed."""
    return session.get(DeviceClone, device)


def cloned(session: Session) -> list[str]:
    """Return the devices that are not revoked and that a second machine was noticed of."""
    query = select(DeviceClone.device).join(DeviceRow, DeviceRow.id == DeviceClone.device)
    return list(session.scalars(query.where(DeviceRow.revoked_at.is_(None)).order_by(DeviceClone.device)))


@dataclass(frozen=True)
class Cloned:
    """An identity that two machines used, and its shop."""

    device: str
    retailer: str
    addresses: tuple[str, ...]
    way: str
    last_at: datetime


def since(session: Session, at: datetime) -> list[Cloned]:
    """Return the identities that two machines used since then, of terminals that are not revoked."""
    query = (
        select(DeviceClone, DeviceRow.retailer)
        .join(DeviceRow, DeviceRow.id == DeviceClone.device)
        .where(DeviceClone.last_at >= at, DeviceRow.revoked_at.is_(None))
        .order_by(DeviceClone.device)
    )
    return [
        Cloned(one.device, shop, tuple(one.addresses), one.way, one.last_at) for one, shop in session.execute(query)
    ]
