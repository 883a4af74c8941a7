"""Tables of cycles. A run's rows and a supply version's rows are written once and never changed."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.kit import computations
from server.kit.computations import Computation
from server.kit.db import Base, portions

_HEX_64 = "~ '^[0-9a-f]{64}$'"


class RouteSchedule(Base):
    """When a route orders each week, in a zone's wall time; weekdays are ISO, Monday 1. Route ``*`` is the rest."""

    __tablename__ = "route_schedules"
    __table_args__ = (
        CheckConstraint("opens_weekday BETWEEN 1 AND 7", name="opens_weekday"),
        CheckConstraint("closes_weekday BETWEEN 1 AND 7", name="closes_weekday"),
    )

    route: Mapped[str] = mapped_column(primary_key=True)
    opens_weekday: Mapped[int]
    opens_time: Mapped[time]
    closes_weekday: Mapped[int]
    closes_time: Mapped[time]
    zone: Mapped[str]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class PolicyRow(Base):
    """One version of a policy: TOML as the allocation core reads it, without the seed."""

    __tablename__ = "policies"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("version > 0", name="version"),
        CheckConstraint(f"text_sha256 {_HEX_64}", name="sha256"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    text_sha256: Mapped[str]
    author: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]


class CycleRow(Base):
    """One cycle. ``open`` is no state here: it follows from the windows. ``trouble`` is what stopped the last step.

    ``published_attempt`` is the one whose grants are out, also while a correction of them is under way;
    ``correction_reason`` then says why. ``published_at`` is the first publication's.
    ``score_version`` and ``forecast_version`` say where the weights of the frozen book come from; none where they are
    the retailers' own. ``announced_scores`` are the scores whose weights were meant when the policy was published, and
    ``weights_sha256`` is of the weights that the book was frozen with.
    """

    __tablename__ = "cycles"
    __table_args__ = (
        ForeignKeyConstraint(["policy_name", "policy_version"], ["policies.name", "policies.version"]),
        CheckConstraint(
            "state IN ('draft', 'announced', 'closed', 'frozen', 'solved', 'verified', 'refused', 'in_review',"
            " 'released', 'published', 'called_off')",
            name="state",
        ),
        CheckConstraint(f"commitment {_HEX_64}", name="commitment"),
        CheckConstraint("state IN ('draft', 'called_off') OR commitment IS NOT NULL", name="committed"),
        CheckConstraint(f"weights_sha256 {_HEX_64}", name="weights_sha256"),
        CheckConstraint("book_root IS NULL OR commitment IS NOT NULL", name="root_after_commitment"),
        CheckConstraint("released_by IS DISTINCT FROM sent_by OR released_by IS NULL", name="two_persons"),
        CheckConstraint("state NOT IN ('released', 'published') OR released_by IS NOT NULL", name="released"),
        CheckConstraint("state <> 'published' OR published_attempt = attempt", name="published"),
        CheckConstraint("correction_reason IS NULL OR published_attempt IS NOT NULL", name="correction"),
        CheckConstraint("grace_s >= 0", name="grace"),
        CheckConstraint("extract(isodow FROM week) = 1", name="week_starts_monday"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    week: Mapped[date]
    zone: Mapped[str]
    grace_s: Mapped[int]
    state: Mapped[str]
    policy_name: Mapped[str]
    policy_version: Mapped[int]
    supply_version: Mapped[int] = mapped_column(server_default=text("0"))
    commitment: Mapped[str | None]
    book_root: Mapped[str | None]
    announced_scores: Mapped[str | None]
    score_version: Mapped[str | None]
    forecast_version: Mapped[str | None]
    weights_sha256: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    published_attempt: Mapped[int | None]
    correction_reason: Mapped[str | None]
    sent_by: Mapped[str | None]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    trouble: Mapped[dict[str, Any] | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class PolicyChange(Base):
    """Another policy for an announced cycle: one person proposes it, another decides, and it is never forgotten.

    ``from_name`` and ``from_version`` are what stood when it was proposed.
    """

    __tablename__ = "policy_changes"
    __table_args__ = (
        ForeignKeyConstraint(["name", "version"], ["policies.name", "policies.version"]),
        ForeignKeyConstraint(["from_name", "from_version"], ["policies.name", "policies.version"]),
        CheckConstraint("decided_by IS DISTINCT FROM author OR decided_by IS NULL", name="two_persons"),
        CheckConstraint("state IN ('proposed', 'approved', 'declined')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("(name, version) <> (from_name, from_version)", name="another"),
        Index("ix_policy_changes_cycle", "cycle"),
        Index("uq_policy_changes_proposed", "cycle", unique=True, postgresql_where=text("state = 'proposed'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"))
    name: Mapped[str]
    version: Mapped[int]
    from_name: Mapped[str]
    from_version: Mapped[int]
    reason: Mapped[str]
    author: Mapped[str]
    proposed_at: Mapped[datetime]
    state: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_why: Mapped[str | None]


class CycleStep(Base):
    """When a cycle came to a state, and who brought it there."""

    __tablename__ = "cycle_steps"
    __append_only__ = True
    __table_args__ = (Index("ix_cycle_steps_cycle", "cycle", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"))
    state: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]]


class CycleSecret(Base):
    """The draw's secret, sealed (:mod:`server.kit.sealing`). Opened by the solving and publishing steps alone."""

    __tablename__ = "cycle_secrets"
    __append_only__ = True

    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    sealed_secret: Mapped[str]
    drawn_at: Mapped[datetime]


class PlannedWindow(Base):
    """A window of a draft, shown before it is announced; its id becomes the window's.

    ``note`` says where the zone's clocks change: ``opens_missing``, ``closes_missing``, ``opens_twice``,
    ``closes_twice``.
    """

    __tablename__ = "planned_windows"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="span"),
        Index("uq_planned_windows_cycle_route", "cycle", "route", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"))
    route: Mapped[str]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    zone: Mapped[str]
    note: Mapped[str]


class SupplyVersion(Base):
    """All supply of a cycle as one person set it at one time."""

    __tablename__ = "supply_versions"
    __append_only__ = True
    __table_args__ = (CheckConstraint("version > 0", name="version"),)

    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]


class SupplyLine(Base):
    """What there is of one SKU in one version. ``minimum_units``: a grant is nothing or at least this."""

    __tablename__ = "supply_lines"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "version"], ["supply_versions.cycle", "supply_versions.version"]),
        CheckConstraint("supply_units >= 0", name="supply"),
        CheckConstraint("pack_units > 0", name="pack"),
        CheckConstraint("reserve_units BETWEEN 0 AND supply_units", name="reserve"),
        CheckConstraint("minimum_units >= 0", name="minimum"),
    )

    cycle: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    supply_units: Mapped[int] = mapped_column(BigInteger)
    pack_units: Mapped[int]
    reserve_units: Mapped[int] = mapped_column(BigInteger)
    minimum_units: Mapped[int] = mapped_column(BigInteger)
    marked_scarce: Mapped[bool]


class BookRetailer(Base):
    """A retailer with an order in the frozen book, as it stood then."""

    __tablename__ = "book_retailers"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("weight > 0", name="weight"),
        CheckConstraint("credit_minor >= 0", name="credit"),
    )
    __party__ = "retailer"
    __ddl__ = portions("book_retailers", "cycle")

    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    region: Mapped[str]
    route: Mapped[str]
    tier: Mapped[int]
    market_type: Mapped[str]
    weight: Mapped[int]
    credit_minor: Mapped[int | None] = mapped_column(BigInteger)


class BookSku(Base):
    """A SKU that somebody asked for, with its price as it stood at the freeze: what credit is counted in."""

    __tablename__ = "book_skus"
    __append_only__ = True
    __table_args__ = (CheckConstraint("price_minor >= 0", name="price"),)

    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    price_minor: Mapped[int] = mapped_column(BigInteger)


class BookLine(Base):
    """One line of the frozen book: the request and all that may bound it.

    ``cap_units`` is 0 where the line is not eligible; ``ineligible_why`` then says why (``suspended: ...``,
    ``licence: CLASS``). ``carry_thousandths`` is in thousandths of a pack.
    """

    __tablename__ = "book_lines"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "retailer"], ["book_retailers.cycle", "book_retailers.retailer"]),
        CheckConstraint("requested_units > 0", name="requested"),
        CheckConstraint("floor_units >= 0", name="floor"),
        CheckConstraint("cap_units >= 0", name="cap"),
        CheckConstraint("weight > 0", name="weight"),
        CheckConstraint("carry_thousandths BETWEEN -1000 AND 1000", name="carry"),
        CheckConstraint("ineligible_why IS NULL OR cap_units = 0", name="ineligible"),
    )
    __party__ = "retailer"
    __ddl__ = portions("book_lines", "cycle")

    cycle: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    requested_units: Mapped[int] = mapped_column(BigInteger)
    floor_units: Mapped[int] = mapped_column(BigInteger)
    cap_units: Mapped[int | None] = mapped_column(BigInteger)
    weight: Mapped[int]
    carry_thousandths: Mapped[int]
    ineligible_why: Mapped[str | None]


class AllocationRun(Base):
    """One attempt to share out a frozen book: what went in, what came out, what the checker said.

    ``input_sha256`` is the core's hash of the whole problem. A further attempt exists only where the supply was
    corrected or something decided by hand; the book never changes.
    """

    __tablename__ = "allocation_runs"
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "supply_version"], ["supply_versions.cycle", "supply_versions.version"]),
        CheckConstraint("attempt > 0", name="attempt"),
        CheckConstraint(f"input_sha256 {_HEX_64}", name="input"),
        CheckConstraint(f"seed {_HEX_64}", name="seed"),
        CheckConstraint(f"result_sha256 {_HEX_64}", name="result"),
        CheckConstraint(
            "num_nulls(seed, result_sha256, certificate, report, solved_at) IN (0, 5)", name="solved_whole"
        ),
        CheckConstraint("verdict IS NULL OR solved_at IS NOT NULL", name="verdict_after_solving"),
    )

    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    supply_version: Mapped[int]
    policy_text: Mapped[str]
    input_sha256: Mapped[str]
    seed: Mapped[str | None]
    result_sha256: Mapped[str | None]
    certificate: Mapped[str | None]
    report: Mapped[str | None]
    solving_ms: Mapped[int | None]
    solved_at: Mapped[datetime | None]
    verdict: Mapped[dict[str, Any] | None]
    verified_at: Mapped[datetime | None]


class Publication(Base):
    """One time that a cycle's grants went out; a further one corrects the one before, which stays readable."""

    __tablename__ = "publications"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "attempt"], ["allocation_runs.cycle", "allocation_runs.attempt"]),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(number = 1) = (reason IS NULL)", name="reason"),
        CheckConstraint("released_by <> sent_by", name="two_persons"),
    )

    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int]
    reason: Mapped[str | None]
    sent_by: Mapped[str]
    released_by: Mapped[str]
    released_at: Mapped[datetime]
    published_at: Mapped[datetime]


class ShippedLine(Base):
    """Goods of a line that left on a delivery, told by the deliveries: no correction takes them back.

    They are the line's floor in every attempt after ``attempt``, whose grants were out then.
    """

    __tablename__ = "shipped_lines"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["cycle", "retailer", "sku"], ["book_lines.cycle", "book_lines.retailer", "book_lines.sku"]
        ),
        CheckConstraint("shipped_units > 0", name="shipped"),
        Index("ix_shipped_lines_cycle", "cycle", "retailer", "sku"),
    )
    __party__ = "retailer"

    delivery: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    cycle: Mapped[UUID]
    retailer: Mapped[str]
    attempt: Mapped[int]
    shipped_units: Mapped[int] = mapped_column(BigInteger)


class GrantRow(Base):
    """What a run grants on one line. Never changed: another attempt has rows of its own."""

    __tablename__ = "grants"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "attempt"], ["allocation_runs.cycle", "allocation_runs.attempt"]),
        ForeignKeyConstraint(
            ["cycle", "retailer", "sku"], ["book_lines.cycle", "book_lines.retailer", "book_lines.sku"]
        ),
        CheckConstraint("granted_units BETWEEN 0 AND eligible_units", name="granted"),
        CheckConstraint("eligible_units <= requested_units", name="eligible"),
        CheckConstraint(
            "reason IN ('filled', 'capped', 'supply', 'credit', 'quota', 'lottery', 'floor', 'ineligible', 'priority',"
            " 'adjusted')",
            name="reason",
        ),
        Index("ix_grants_retailer_cycle", "retailer", "cycle"),
    )
    __party__ = "retailer"
    __ddl__ = portions("grants", "cycle")

    cycle: Mapped[UUID] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    requested_units: Mapped[int] = mapped_column(BigInteger)
    eligible_units: Mapped[int] = mapped_column(BigInteger)
    granted_units: Mapped[int] = mapped_column(BigInteger)
    share: Mapped[str]
    reason: Mapped[str]
    bound_by: Mapped[str]
    entitled_thousandths: Mapped[int] = mapped_column(BigInteger)


class Adjustment(Base):
    """A manual decision on one line before release: one person proposes it, another decides, and it is never forgotten.

    ``granted_units`` is none where an earlier decision on the line is taken back. An approved one is part of the
    input from the attempt ``from_attempt`` on; of several on one line the newest counts.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["cycle", "retailer", "sku"], ["book_lines.cycle", "book_lines.retailer", "book_lines.sku"]
        ),
        CheckConstraint("granted_units >= 0", name="granted"),
        CheckConstraint("decided_by IS DISTINCT FROM author OR decided_by IS NULL", name="two_persons"),
        CheckConstraint("state IN ('proposed', 'approved', 'declined')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("(state = 'approved') = (from_attempt IS NOT NULL)", name="approved"),
        Index("ix_adjustments_cycle", "cycle"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle: Mapped[UUID]
    retailer: Mapped[str]
    sku: Mapped[str]
    granted_units: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str]
    author: Mapped[str]
    proposed_at: Mapped[datetime]
    state: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_why: Mapped[str | None]
    from_attempt: Mapped[int | None]


class Comparison(Computation, Base):
    """A what-if: two policies on one frozen problem; without a second one, a policy and first come, first served.

    ``figures`` is what the core's comparison says; ``results`` are both allocations as compressed files, from which
    any retailer is explained.
    """

    __tablename__ = "comparisons"
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "attempt"], ["allocation_runs.cycle", "allocation_runs.attempt"]),
        ForeignKeyConstraint(["first_policy", "first_version"], ["policies.name", "policies.version"]),
        ForeignKeyConstraint(["second_policy", "second_version"], ["policies.name", "policies.version"]),
        *computations.checks("done"),
        CheckConstraint("num_nulls(second_policy, second_version) IN (0, 2)", name="second_whole"),
        CheckConstraint("(state = 'done') = (figures IS NOT NULL)", name="figures"),
        Index("ix_comparisons_cycle", "cycle"),
    )

    cycle: Mapped[UUID]
    attempt: Mapped[int]
    first_policy: Mapped[str]
    first_version: Mapped[int]
    second_policy: Mapped[str | None]
    second_version: Mapped[int | None]
    steps_done: Mapped[int] = mapped_column(server_default=text("0"))
    steps: Mapped[int]
    figures: Mapped[dict[str, Any] | None]
    results: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class ScoreComparison(Computation, Base):
    """A what-if of two score policies on one history, and on the book of a cycle where one was shared out.

    A text without a version was typed and not kept as one. ``results`` is an archive: both scores, every retailer
    under both, and where there is a book both results.
    """

    __tablename__ = "score_comparisons"
    __table_args__ = (
        ForeignKeyConstraint(["cycle", "attempt"], ["allocation_runs.cycle", "allocation_runs.attempt"]),
        *computations.checks("done"),
        CheckConstraint("num_nulls(cycle, attempt) IN (0, 2)", name="book"),
        CheckConstraint("num_nulls(figures, results) IN (0, 2)", name="whole"),
        CheckConstraint("(state = 'done') = (figures IS NOT NULL)", name="figures"),
    )

    first_version: Mapped[int | None] = mapped_column(ForeignKey("score_policies.version"))
    first_text: Mapped[str]
    second_version: Mapped[int | None] = mapped_column(ForeignKey("score_policies.version"))
    second_text: Mapped[str]
    as_of: Mapped[date]
    history_number: Mapped[int] = mapped_column(BigInteger)
    facts_number: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[int | None] = mapped_column(ForeignKey("score_runs.number"))
    cycle: Mapped[UUID | None]
    attempt: Mapped[int | None]
    steps_done: Mapped[int] = mapped_column(server_default=text("0"))
    steps: Mapped[int]
    figures: Mapped[dict[str, Any] | None]
    results: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class Carry(Base):
    """What rounding still owes a retailer of a SKU (or it owes), in thousandths of a pack; ``cycle`` set it last."""

    __tablename__ = "carries"
    __table_args__ = (CheckConstraint("carry_thousandths BETWEEN -1000 AND 1000", name="carry"),)
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    carry_thousandths: Mapped[int]
    cycle: Mapped[UUID] = mapped_column(ForeignKey("cycles.id"))


class CreditRow(Base):
    """Units of a SKU that a retailer is made good, because its dispute about a line of ``cycle`` was upheld.

    ``feedback`` is the number of that dispute. One person proposed it, another confirmed it; it is never changed.
    """

    __tablename__ = "credits"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["cycle", "retailer", "sku"], ["book_lines.cycle", "book_lines.retailer", "book_lines.sku"]
        ),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("approver <> author", name="two_persons"),
        Index("ix_credits_retailer", "retailer"),
        Index("ix_credits_feedback", "feedback"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle: Mapped[UUID]
    retailer: Mapped[str]
    sku: Mapped[str]
    units: Mapped[int] = mapped_column(BigInteger)
    feedback: Mapped[int] = mapped_column(BigInteger)
    author: Mapped[str]
    approver: Mapped[str]
    approved_at: Mapped[datetime]


class AppealCreditTaken(Base):
    """What the frozen book of a cycle took in of the credit of an upheld appeal, in thousandths of a pack.

    ``answer`` is the one that upheld it; ``appeal`` is the appeal's number.
    """

    __tablename__ = "appeal_credits_taken"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["cycle", "retailer", "sku"], ["book_lines.cycle", "book_lines.retailer", "book_lines.sku"]
        ),
        CheckConstraint("carry_thousandths BETWEEN 1 AND 1000", name="carry"),
        Index("ix_appeal_credits_taken_cycle", "cycle", "retailer"),
    )
    __party__ = "retailer"

    answer: Mapped[UUID] = mapped_column(ForeignKey("score_appeal_answers.id"), primary_key=True)
    cycle: Mapped[UUID] = mapped_column(primary_key=True)
    appeal: Mapped[int] = mapped_column(BigInteger)
    retailer: Mapped[str]
    sku: Mapped[str]
    carry_thousandths: Mapped[int]


class CreditTaken(Base):
    """What the frozen book of a cycle took in of a credit, in thousandths of a pack of ``pack_units``."""

    __tablename__ = "credits_taken"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["cycle", "retailer", "sku"], ["book_lines.cycle", "book_lines.retailer", "book_lines.sku"]
        ),
        CheckConstraint("carry_thousandths BETWEEN 1 AND 2000", name="carry"),
        CheckConstraint("pack_units > 0", name="pack"),
        Index("ix_credits_taken_cycle", "cycle", "retailer"),
    )
    __party__ = "retailer"

    credit: Mapped[UUID] = mapped_column(ForeignKey("credits.id"), primary_key=True)
    cycle: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str]
    sku: Mapped[str]
    carry_thousandths: Mapped[int]
    pack_units: Mapped[int]
