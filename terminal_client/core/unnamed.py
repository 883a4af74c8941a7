"""What is said without a name: made of what was being written, sent without any sign of this terminal, known by a code.

The row here is the only trace: it goes once the shop has written the code down. Nothing of it stands in the outbox.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from contract.device_api import SayUnnamed
from contract.errors import Rejected
from terminal_client.core import feedback, photos
from terminal_client.core.ports import UnnamedWire
from terminal_client.core.store import Store

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Of a code: none that is taken for another one."""
CODE_LENGTH = 16
GROUP = 4


@dataclass(frozen=True)
class Unnamed:
    """What was said, whether the server has it, and the code as people write it down."""

    id: UUID
    code: str
    words: str
    received: bool


def begin(store: Store) -> UUID:
    """Take what was being written out of the draft; photos and what it is about stay behind.

    Raises
    ------
    Rejected
        ``feedback_empty``, where kind, category or words are missing.
    """
    with store.transaction():
        draft = feedback.draft(store)
        if draft is None or not draft.words.strip() or not draft.kind or not draft.category:
            raise Rejected("feedback_empty")
        code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
        said = SayUnnamed.model_validate(
            {
                "id": uuid4(),
                "kind": draft.kind,
                "category": draft.category,
                "words": draft.words.strip(),
                "employee": draft.name if draft.sort == "employee" else "",
                "code_sha256": hashlib.sha256(code.encode()).hexdigest(),
            }
        )
        store.execute("INSERT INTO unnamed VALUES (?, ?, ?, 0)", (str(said.id), code, said.model_dump_json()))
        photos.move(store, photos.FEEDBACK, photos.THROWN)
        feedback.drop_draft(store)
    return said.id


def read_all(store: Store) -> list[Unnamed]:
    """Return what is still known here."""
    rows = store.rows("SELECT id, code, body, received FROM unnamed ORDER BY id")
    return [Unnamed(UUID(one), written(code), json.loads(body)["words"], bool(had)) for one, code, body, had in rows]


def send(store: Store, wire: UnnamedWire) -> None:
    """Send what the server does not have yet; sent twice, it is kept once.

    Raises
    ------
    NotReachedError, Rejected
        There was no answer; the server will not take it.
    """
    for one, body in store.rows("SELECT id, body FROM unnamed WHERE NOT received ORDER BY id"):
        wire.say(SayUnnamed.model_validate_json(body))
        with store.transaction():
            store.execute("UPDATE unnamed SET received = 1 WHERE id = ?", (one,))


def forget(store: Store, unnamed: UUID) -> None:
    """Forget what the server has: from here on only the code leads to it."""
    with store.transaction():
        store.execute("DELETE FROM unnamed WHERE id = ? AND received", (str(unnamed),))


def throw_away(store: Store, unnamed: UUID) -> None:
    """Throw away what was not sent."""
    with store.transaction():
        store.execute("DELETE FROM unnamed WHERE id = ? AND NOT received", (str(unnamed),))


def written(code: str) -> str:
    """Return a code in groups, as it is written down."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))
