"""Versions of the score policy: checked by the scoring library before they are kept. Nothing here commits."""

import hashlib
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocation.scoring import ScorePolicy
from contract.errors import Rejected
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError, Standing
from server.kit.fields import require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.scores import policy_form, queries
from server.scores.models import ScorePolicyRow
from server.scores.service import REASON

_VERSIONS = select(func.pg_advisory_xact_lock(func.hashtext("score policies")))


def write_policy(
    session: Session, text: str, operator: Operator, *, reason: str, at: datetime, seen: int | None = None
) -> queries.Policy:
    """Keep a text as the newest version of the score policy, which the next run counts by.

    What the newest one says already is not kept twice. ``seen`` is the newest version that the person knew (0: the
    default one), none to write after whatever is the newest.

    Raises
    ------
    Conflict
        ``changed_meanwhile``, where somebody wrote a version since.
    Invalid
        Where the scoring library refuses it, naming the key; an empty or long reason.
    """
    policy_form.read_text(text)
    require(REASON, {"reason": reason.strip()})
    session.execute(_VERSIONS)
    newest = queries.policy(session)
    if newest is not None and newest.text == text:
        return newest
    if seen is not None and newest is not None and newest.version != seen:
        raise ChangedMeanwhileError(
            f"score.toml v{seen}",
            (
                Standing("text", N_("Text"), newest.text),
                Standing("author", N_("Written by"), newest.author),
                Standing("their_reason", N_("Their reason"), newest.reason),
            ),
        )
    row = ScorePolicyRow(
        text=text,
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
        author=operator.name,
        reason=reason.strip(),
        created_at=at,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=operator.actor,
        action="score.policy_written",
        subject=f"score_policy:{row.version}",
        at=at,
        detail={"sha256": row.text_sha256, "reason": row.reason},
    )
    written = queries.policy(session, row.version)
    assert written is not None  # noqa: S101 - written above
    return written


def read(session: Session, version: int | None) -> ScorePolicy:
    """Return a version of the policy as the scoring library has it; the default one without a version.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    if version is None:
        return ScorePolicy()
    found = queries.policy(session, version)
    if found is None:
        raise Rejected("not_found", what="score policy", name=str(version))
    return ScorePolicy.from_toml(found.text)


def default_text() -> str:
    """Return the policy that counts where none was written, with every key."""
    return ScorePolicy().to_toml()
