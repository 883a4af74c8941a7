"""What can be done with licences. Nothing here commits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import records
from server.kit.identity import Actor
from server.licences.fields import LICENCES
from server.licences.queries import Licence

AS_ENTERED = {"state": "valid", "state_reason": None}


def save_licence(
    session: Session, licence: Mapping[str, Any], actor: Actor, *, at: datetime, seen: str | None = None
) -> records.Outcome:
    """Enter a licence or change it.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    Conflict
        Where it is not as the person saw it (``seen``, see :func:`server.kit.records.version`).
    """
    return records.keep(
        session, LICENCES, licence, actor, act="licence", subject=f"retailer:{licence['retailer']}", at=at, seen=seen
    )


def take_over(
    session: Session, document: Mapping[str, Any], actor: Actor, *, at: datetime, seen: str | None = None
) -> records.Outcome:
    """Enter a document that exists as a valid licence, or correct one; how a licence stands stays as it is.

    Raises what :func:`save_licence` raises.
    """
    key = LICENCES.key_of(document)
    known = records.existing(session, LICENCES, [key], lock=True).get(key)
    state = AS_ENTERED if known is None else {name: known[name] for name in AS_ENTERED}
    return save_licence(session, {**document, **state}, actor, at=at, seen=seen)


def set_state(
    session: Session, key: tuple[str, str, str], state: str, reason: str, actor: Actor, *, at: datetime
) -> Licence:
    """Suspend, cancel or restore (``valid``) a licence; all but restoring needs a reason.

    Raises
    ------
    Rejected
        ``not_found``; ``invalid`` where the reason is missing.
    """
    found = records.existing(session, LICENCES, [key], lock=True).get(key)
    if found is None:
        raise Rejected("not_found", what="licence", name=" / ".join(key))
    changed = found | {"state": state, "state_reason": None if state == "valid" else reason.strip() or None}
    save_licence(session, changed, actor, at=at)
    return Licence(**changed)
