"""What can be done with SKUs. Nothing here commits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue.fields import SKUS
from server.kit import audit, records
from server.kit.identity import Actor


def save_sku(
    session: Session, sku: Mapping[str, Any], actor: Actor, *, at: datetime, seen: str | None = None
) -> records.Outcome:
    """Put a SKU into the catalogue or change it.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    Conflict
        Where it is not as the person saw it (``seen``, see :func:`server.kit.records.version`).
    """
    return records.keep(session, SKUS, sku, actor, act="sku", subject=f"sku:{sku['sku']}", at=at, seen=seen)


def withdraw_sku(session: Session, sku: str, actor: Actor, *, at: datetime) -> None:
    """Take a SKU out of what can be ordered; :func:`offer_sku` undoes it."""
    _set_state(session, sku, "withdrawn", actor, at)


def offer_sku(session: Session, sku: str, actor: Actor, *, at: datetime) -> None:
    """Let a withdrawn SKU be ordered again."""
    _set_state(session, sku, "offered", actor, at)


def _set_state(session: Session, sku: str, state: Literal["offered", "withdrawn"], actor: Actor, at: datetime) -> None:
    found = records.existing(session, SKUS, [(sku,)], lock=True).get((sku,))
    if found is None:
        raise Rejected("not_found", what="SKU", name=sku)
    if records.save(session, SKUS, found | {"state": state}, at=at) is not None:
        audit.record(session, actor=actor, action=f"sku.{state}", subject=f"sku:{sku}", at=at)
