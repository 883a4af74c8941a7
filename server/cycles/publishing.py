"""Publication: every retailer's grants and the revealed secret, in one transaction; the carry for the next cycle.

Nothing here commits. The application's role may change no row of the grants and of the publications: a correction is
another attempt with rows of its own, and another publication.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from contract.feed import GRANTS_PER_PART, Grants
from server.cycles import (
    carrying,
    correcting,
    crediting,
    freezing,
    frozen_book,
    moves,
    queries,
    result_queries,
    rules,
    supply_queries,
)
from server.cycles.events import GrantsPublished
from server.cycles.models import BookLine, BookRetailer, CycleRow, GrantRow, Publication, SupplyLine
from server.kit import audit, events, outbox
from server.kit.identity import SYSTEM
from server.orders import windows as order_windows

ROWS_A_STATEMENT = 5_000
_STORE_CARRIES = text(
    """
    INSERT INTO carries (retailer, sku, carry_thousandths, cycle)
        SELECT retailer, sku, greatest(-:most, least(:most, coalesce(carry_thousandths, 0) + added)), :cycle
        FROM unnest(CAST(:retailers AS text[]), CAST(:skus AS text[]), CAST(:added AS integer[]))
            AS one (retailer, sku, added)
            LEFT JOIN carries USING (retailer, sku)
    ON CONFLICT (retailer, sku) DO UPDATE SET carry_thousandths = excluded.carry_thousandths, cycle = excluded.cycle
    """
)


def publish(session: Session, cycle: UUID, *, at: datetime) -> bool:
    """Publish a released cycle; return whether it did, False where it is published already.

    Where its grants were out before, this is their correction: every terminal of the cycle gets the new figures and
    hashes, with what the first publication said of each line that differs from it.
    """
    row = moves.locked(session, cycle)
    if row.state != "released":
        return False
    lines = frozen_lines(session, cycle)
    out = [*correcting.publications(session, cycle), _record(session, row, at)]
    tell_grants(session, row, lines, out, at=at)
    if row.published_attempt is None:
        found = frozen_book.tree(session, row)
        frozen_book.tell(session, row, found, at=at, secret=freezing.secret_of(session, cycle).hex())
        order_windows.move_windows(session, cycle, "published", at=at)
        row.published_at = at
    store_carry(session, row, lines)
    row.published_attempt, row.correction_reason = row.attempt, None
    moves.move(session, row, "publish", at=at, actor=SYSTEM)
    events.publish(session, GrantsPublished(cycle, at), lock=f"cycle:{cycle}")
    detail = {"publication": len(out), "attempt": row.attempt}
    audit.record(session, actor=SYSTEM, action="cycle.published", subject=f"cycle:{cycle}", at=at, detail=detail)
    return True


def _record(session: Session, row: CycleRow, at: datetime) -> correcting.Published:
    """Write the publication down and return it."""
    number = len(correcting.publications(session, row.id)) + 1
    assert row.sent_by is not None  # noqa: S101 - a constraint holds it
    assert row.released_by is not None  # noqa: S101 - a constraint holds it
    session.add(
        Publication(
            cycle=row.id,
            number=number,
            attempt=row.attempt,
            reason=row.correction_reason,
            sent_by=row.sent_by,
            released_by=row.released_by,
            released_at=row.released_at or at,
            published_at=at,
        )
    )
    session.flush()
    return correcting.publications(session, row.id)[-1]


@dataclass(frozen=True)
class FrozenLine:
    """What a line brought along and takes on: its weight, what is carried in and out, in thousandths of a pack.

    ``given`` is what of that makes something good, the rest is what rounding owed.
    ``ineligible_why`` is what barred it, as the book says it.
    """

    weight: int
    carry_thousandths: int
    given: tuple[crediting.Given, ...]
    carried_thousandths: int
    ineligible_why: str | None = None

    @property
    def credited_thousandths(self) -> int:
        """What of the carry makes something good."""
        return sum(one.carry_thousandths for one in self.given)


def frozen_lines(
    session: Session, cycle: UUID, retailer: str | None = None, *, attempt: int | None = None
) -> dict[tuple[str, str], FrozenLine]:
    """Return the lines of an attempt (the last), of one retailer where it is named, by retailer and SKU."""
    run = result_queries.run(session, cycle, attempt)
    if run is None:
        return {}
    query = (
        select(
            GrantRow.retailer,
            GrantRow.sku,
            GrantRow.granted_units,
            GrantRow.entitled_thousandths,
            BookLine.weight,
            BookLine.carry_thousandths,
            BookLine.ineligible_why,
            SupplyLine.pack_units,
        )
        .join(
            BookLine,
            (BookLine.cycle == GrantRow.cycle)
            & (BookLine.retailer == GrantRow.retailer)
            & (BookLine.sku == GrantRow.sku),
        )
        .join(SupplyLine, (SupplyLine.cycle == GrantRow.cycle) & (SupplyLine.sku == GrantRow.sku))
        .where(GrantRow.cycle == cycle, GrantRow.attempt == run.attempt, SupplyLine.version == run.supply_version)
    )
    if retailer is not None:
        query = query.where(GrantRow.retailer == retailer)
    given = crediting.taken_in(session, cycle, None if retailer is None else [retailer])
    return {
        (code, sku): FrozenLine(
            weight,
            before,
            tuple(given.get((code, sku), ())),
            carrying.carried(before, entitled, units // pack),
            why,
        )
        for code, sku, units, entitled, weight, before, why, pack in session.execute(query)
    }


def lines_of(session: Session, cycle: UUID, retailer: str, attempt: int | None = None) -> dict[str, FrozenLine]:
    """Return what a retailer's lines of an attempt (the last) brought along and take on, by SKU."""
    return {sku: line for (_, sku), line in frozen_lines(session, cycle, retailer, attempt=attempt).items()}


def tell_grants(
    session: Session,
    row: CycleRow,
    frozen: Mapping[tuple[str, str], FrozenLine],
    out: Sequence[correcting.Published],
    *,
    at: datetime,
) -> None:
    """Send each retailer its lines with the numbers behind their reasons, in parts that fit into a message.

    ``out`` are all publications up to this one.
    """
    first, now = out[0], out[-1]
    before = correcting.granted(session, row.id, first.attempt) if now.number > 1 else {}
    run = result_queries.run(session, row.id)
    policy = queries.policy(session, row.policy_name, row.policy_version)
    assert run is not None  # noqa: S101 - released
    assert policy is not None  # noqa: S101 - a foreign key holds it
    granted = result_queries.drafted_grants(session, row.id)
    asked: Counter[str] = Counter()
    lines: dict[str, list[result_queries.Grant]] = {}
    for grant in granted:
        asked[grant.sku] += grant.requested_units
        lines.setdefault(grant.retailer, []).append(grant)
    offered = {
        line.sku: line.offered_units for line in supply_queries.supply(session, row.id, run.supply_version).values()
    }

    in_book = select(BookRetailer.retailer, BookRetailer.credit_minor).where(BookRetailer.cycle == row.id)
    credit_minor: dict[str, int | None] = dict(session.execute(in_book).all())

    def wire(grant: result_queries.Grant) -> dict[str, object]:
        here = frozen[grant.retailer, grant.sku]
        return {
            "sku": grant.sku,
            "requested_units": grant.requested_units,
            "eligible_units": grant.eligible_units,
            "granted_units": grant.granted_units,
            "weight": here.weight,
            "share": grant.share,
            "reason": grant.reason,
            "bound_by": grant.bound_by,
            "barred_by": rules.bar(here.ineligible_why) if grant.reason == "ineligible" else None,
            "supply_units": offered[grant.sku],
            "asked_units": asked[grant.sku],
            "carry_thousandths": here.carry_thousandths,
            "carried_thousandths": here.carried_thousandths,
            "credited_thousandths": here.credited_thousandths or None,
            "before_units": _other(before.get((grant.retailer, grant.sku)), grant.granted_units),
        }

    same = {
        "cycle": row.id,
        "name": {"zh": row.name_zh, "en": row.name_en},
        "released_at": first.released_at,
        "version": now.number,
        "corrected_at": None if now.number == 1 else at,
        "correction": now.reason,
        "policy": moves.policy_label(policy),
        "seed": run.seed or "",
        "input_sha256": run.input_sha256,
        "result_sha256": run.result_sha256 or "",
        **_certified(json.loads(run.certificate or "{}")),
    }
    items = []
    for retailer, own in lines.items():
        parts = [own[start : start + GRANTS_PER_PART] for start in range(0, len(own), GRANTS_PER_PART)]
        items += [
            outbox.Item(
                retailer,
                f"grants:{row.id}:{number}",
                "grants",
                Grants.model_validate(
                    same
                    | {
                        "part": number,
                        "parts": len(parts),
                        "credit_minor": credit_minor.get(retailer),
                        "lines": [*map(wire, part)],
                    }
                ),
            )
            for number, part in enumerate(parts, start=1)
        ]
    outbox.append(session, items, at=at)


def _certified(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the certificate says of policy, weights and scores."""
    proof = certificate.get("seed_proof") or {}
    said = {name: proof.get(name) for name in ("policy_sha256", "weights_sha256")}
    return said | {"score_version": certificate.get("policy", {}).get("score_version")}


def _other(before: int | None, now: int) -> int | None:
    """Return what a line had before, where that is something else."""
    return None if before == now else before


def store_carry(session: Session, row: CycleRow, lines: Mapping[tuple[str, str], FrozenLine]) -> None:
    """Add to what the next cycle owes, or is owed, what this publication changes of it; never more than a pack.

    The first one brings what its lines carry on instead of what rounding owed them at the freeze; a correction, instead
    of what the publication before it brought. So nothing is lost, in whatever order cycles that overlap are frozen and
    published.
    """
    if row.published_attempt is None:
        stood = {key: line.carry_thousandths - line.credited_thousandths for key, line in lines.items()}
    else:
        out = frozen_lines(session, row.id, attempt=row.published_attempt)
        stood = {key: line.carried_thousandths for key, line in out.items()}
    rows = [
        (retailer, sku, line.carried_thousandths - stood[retailer, sku])
        for (retailer, sku), line in lines.items()
        if line.carried_thousandths != stood[retailer, sku]
    ]
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("carries", 0))))
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        retailers, skus, added = (list(column) for column in zip(*rows[start : start + ROWS_A_STATEMENT], strict=True))
        told = {
            "retailers": retailers,
            "skus": skus,
            "added": added,
            "cycle": row.id,
            "most": carrying.PACK_THOUSANDTHS,
        }
        session.execute(_STORE_CARRIES, told)
