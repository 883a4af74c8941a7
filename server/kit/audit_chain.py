r"""The audit's chain, pure: what an entry's digest is, how links follow each other, what a signed head says.

An entry has an open part (its number, its time, the act, whether it is an alert) and a personal one (who, what it is
about, details, from where). The chain holds the open part and a salted SHA-256 of the personal one: the personal part
can be erased, salt and all, and nobody can guess from the digest what it said, while every link stays as it was.

    personal = SHA-256(salt ‖ canonical JSON of {actor, detail, remote, subject})
    link(n)  = SHA-256("evenhand audit link 1\n" ‖ link(n − 1)
                       ‖ canonical JSON of {act, alert, at, entry, ordinal, personal})
    head     = Ed25519 over "evenhand audit head 1\n" ‖ canonical JSON of {at, link, ordinal}

Canonical JSON: keys sorted, no spaces, UTF-8, times in UTC with microseconds; ``link(0)`` is 32 zero bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = bytes(32)
_LINK, _HEAD = b"evenhand audit link 1\n", b"evenhand audit head 1\n"

Kind = Literal["changed", "missing", "emptied", "order", "signature", "cut_off", "other_chain", "unsealed"]


@dataclass(frozen=True)
class Entry:
    """An entry as it stands. ``salt`` is none where its personal part was erased."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    remote: str | None
    alert: bool
    salt: bytes | None

    def personal_digest(self) -> bytes | None:
        """Return the digest of the personal part; none where it was erased."""
        if self.salt is None:
            return None
        personal = {"actor": self.actor, "subject": self.subject, "detail": self.detail, "remote": self.remote}
        return hashlib.sha256(self.salt + canonical(personal)).digest()


@dataclass(frozen=True)
class Seal:
    """An entry's place in the chain."""

    ordinal: int
    entry: int
    personal_sha256: bytes
    link: bytes


@dataclass(frozen=True)
class Head:
    """Where the chain ended at a time, signed by the key ``key`` (SHA-256 of its raw public key, in hexadecimal)."""

    ordinal: int
    link: bytes
    at: datetime
    key: str
    signature: bytes

    def said(self) -> bytes:
        """Return what the signature is over."""
        return head_bytes(self.ordinal, self.link, self.at)

    def as_json(self) -> str:
        """Return the head on one line, as it is exported."""
        told = {
            "ordinal": self.ordinal,
            "link": self.link.hex(),
            "at": instant(self.at),
            "key": self.key,
            "signature": self.signature.hex(),
        }
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def of_json(cls, line: str) -> "Head":
        """Return the head that a line tells.

        Raises
        ------
        ValueError
            Where the line is no head.
        """
        try:
            told = json.loads(line)
            head = cls(
                ordinal=int(told["ordinal"]),
                link=bytes.fromhex(told["link"]),
                at=datetime.fromisoformat(told["at"]),
                key=str(told["key"]),
                signature=bytes.fromhex(told["signature"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a signed head of an audit: {line[:80]!r}") from error
        if head.at.tzinfo is None:
            raise ValueError(f"not a signed head of an audit, its time names no zone: {line[:80]!r}")
        return head


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was sealed. ``ordinal`` and ``entry`` say where, as far as that is known."""

    kind: Kind
    ordinal: int | None = None
    entry: int | None = None


def canonical(value: Any) -> bytes:
    """Return a value's canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def instant(at: datetime) -> str:
    """Return a time as the chain writes it: UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def link(previous: bytes, ordinal: int, entry: Entry, personal_sha256: bytes) -> bytes:
    """Return the link of an entry behind ``previous``."""
    told = {
        "ordinal": ordinal,
        "entry": entry.id,
        "at": instant(entry.at),
        "act": entry.action,
        "alert": entry.alert,
        "personal": personal_sha256.hex(),
    }
    return hashlib.sha256(_LINK + previous + canonical(told)).digest()


def seals(previous: bytes, ordinal: int, entries: Iterable[Entry]) -> Iterator[Seal]:
    """Yield the seals of ``entries`` in their order, behind the link ``previous`` of ``ordinal``.

    An entry whose personal part was erased before it was sealed is sealed as erased: its digest is 32 zero bytes.
    """
    for entry in entries:
        ordinal += 1
        personal = entry.personal_digest() or bytes(32)
        previous = link(previous, ordinal, entry, personal)
        yield Seal(ordinal, entry.id, personal, previous)


def head_bytes(ordinal: int, link_of_last: bytes, at: datetime) -> bytes:
    """Return what a head's signature is over."""
    return _HEAD + canonical({"ordinal": ordinal, "link": link_of_last.hex(), "at": instant(at)})


def key_name(raw_public_key: bytes) -> str:
    """Return what a key is called: the SHA-256 of its raw public key."""
    return hashlib.sha256(raw_public_key).hexdigest()


def signed_truly(head: Head, public_keys: Mapping[str, bytes]) -> bool:
    """Return whether a head is signed by the key that it names, one of ``public_keys`` (raw, by name)."""
    raw = public_keys.get(head.key)
    if raw is None or key_name(raw) != head.key:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(head.signature, head.said())
    except InvalidSignature:
        return False
    return True


def overtaken(heads: Iterable[Head], restored: Iterable[Head], public_keys: Mapping[str, bytes]) -> list[Head]:
    """Return the heads that a restored backup cannot reach: signed before the restoring, beyond what the backup held.

    ``restored`` say where the chain ended when it was restored; one that is not signed truly counts for nothing.
    """
    true = [one for one in restored if signed_truly(one, public_keys)]
    return [head for head in heads if any(head.ordinal > one.ordinal and head.at < one.at for one in true)]


class Checker:
    """Goes once through the chain, in order, and collects what is not as it was sealed; at most ``most`` faults.

    ``heads`` come from the same database or were kept elsewhere. Feed :meth:`seal` with the chain, then :meth:`finish`.
    """

    def __init__(self, heads: Iterable[Head], public_keys: Mapping[str, bytes], *, most: int = 100) -> None:
        self.faults: list[Fault] = []
        self.ordinal = 0
        self.link = GENESIS
        self.emptied: list[tuple[int, int]] = []
        self._most = most
        self._heads: dict[int, list[Head]] = {}
        for head in heads:
            if signed_truly(head, public_keys):
                self._heads.setdefault(head.ordinal, []).append(head)
            else:
                self._fault("signature", head.ordinal, None)

    def seal(self, seal: Seal, entry: Entry | None) -> None:
        """Take the next seal and its entry; none where the entry is gone."""
        if seal.ordinal != self.ordinal + 1:
            self._fault("order", self.ordinal + 1, None)
        self.ordinal = seal.ordinal
        if entry is None:
            self._fault("missing", seal.ordinal, seal.entry)
        else:
            self._compare(seal, entry)
        self.link = seal.link
        for head in self._heads.pop(seal.ordinal, ()):
            if head.link != seal.link:
                self._fault("other_chain", seal.ordinal, seal.entry)

    def _compare(self, seal: Seal, entry: Entry) -> None:
        personal = entry.personal_digest()
        if personal is None:
            self.emptied.append((seal.ordinal, entry.id))
        elif personal != seal.personal_sha256:
            self._fault("changed", seal.ordinal, entry.id)
            return
        if link(self.link, seal.ordinal, entry, seal.personal_sha256) != seal.link:
            self._fault("changed", seal.ordinal, entry.id)

    def finish(self, *, erased: Iterable[range], unsealed: Iterable[int]) -> list[Fault]:
        """Return all faults, in the order of the chain.

        Parameters
        ----------
        erased
            The numbers of the entries whose erasing stands in the audit.
        unsealed
            Entries that are old enough to be sealed and are not.
        """
        covered = list(erased)
        for ordinal, entry in self.emptied:
            if not any(entry in some for some in covered):
                self._fault("emptied", ordinal, entry)
        for ordinal in sorted(self._heads):
            self._fault("cut_off", ordinal, None)
        for entry in unsealed:
            self._fault("unsealed", None, entry)
        return sorted(self.faults, key=lambda fault: (fault.ordinal is None, fault.ordinal or 0, fault.entry or 0))

    def _fault(self, kind: Kind, ordinal: int | None, entry: int | None) -> None:
        if len(self.faults) < self._most:
            self.faults.append(Fault(kind, ordinal, entry))
