"""What a shop disputes, frozen when it says so: the numbers as it was told them, and the hashes that prove them."""

import hashlib
import json
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from contract.feed import Grants
from contract.messages import FeedbackAbout
from server.cycles import result_queries
from server.feedback.rules import DISPUTED
from server.kit import outbox
from server.scores import queries as scores


def frozen(session: Session, retailer: str, about: FeedbackAbout | None) -> dict[str, Any] | None:
    """Return the explanation of a grant or tier as it stands for the shop; none where nothing of the kind is named."""
    if about is None or about.sort not in DISPUTED:
        return None
    return _grant(session, retailer, about.name) if about.sort == "grant" else _tier(session, retailer, about.name)


def _grant(session: Session, retailer: str, name: str) -> dict[str, Any] | None:
    cycle, _, sku = name.partition("/")
    for item in outbox.current(session, retailer, f"grants:{cycle}:"):
        told = Grants.model_validate(item.data)
        for line in told.lines:
            if line.sku == sku:
                certificate = result_queries.certificate(session, UUID(cycle), told.result_sha256)
                return {
                    "sort": "grant",
                    "cycle": cycle,
                    "name": told.name.model_dump(),
                    "publication": told.version,
                    "policy": told.policy,
                    "seed": told.seed,
                    "input_sha256": told.input_sha256,
                    "result_sha256": told.result_sha256,
                    "certificate_sha256": "" if certificate is None else _digest(certificate),
                    "line": line.model_dump(mode="json", exclude_none=True),
                }
    return None


def _tier(session: Session, retailer: str, name: str) -> dict[str, Any] | None:
    run = scores.run(session, int(name)) if name.isdecimal() else None
    score = None if run is None or run.published_at is None else scores.score(session, run, retailer)
    if run is None or score is None:
        return None
    return {
        "sort": "tier",
        "run": run.number,
        "as_of": run.as_of.isoformat(),
        "score_version": run.score_version,
        "result_sha256": run.score_version or "",
        "certificate_sha256": _digest(json.dumps(run.certificate, sort_keys=True, ensure_ascii=False)),
        "score_milli": score.score_milli,
        "rank": score.rank,
        "peers": score.peers,
        "tier_before": score.previous_tier,
        "tier_earned": score.earned_tier,
        "tier": score.tier,
        "weight": score.weight,
        "parts": [dict(part) for part in score.parts],
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
