"""Tables of feedback."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import HIDDEN, Base

_PERSON = "(SELECT coalesce(current_setting('evenhand.person', true), ''))"
_NOBODY = f"{_PERSON} = ''"


def _kept_from(table: str, seen: str) -> str:
    """Return the policy by which a person's session sees a row of ``table`` only where ``seen`` holds."""
    return f"CREATE POLICY concerned ON {table} AS RESTRICTIVE USING ({_NOBODY} OR {seen})"


_KEPT = (
    f"category = 'employee' AND ({_PERSON} = ANY (concerns)"
    f" OR concerns = '{{}}' AND owner IS NOT NULL AND owner <> {_PERSON})"
)
"""Whether a row of ``feedback`` is kept from the person: it concerns him, or nobody knows whom and another owns it."""


_MESSAGES = "CAST(receipt ->> 'number' AS bigint)"


class FeedbackTermsRow(Base):
    """One version of what is promised (:class:`server.feedback.terms.Terms`); never changed."""

    __tablename__ = "feedback_terms"
    __append_only__ = True

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    zone: Mapped[str]
    body: Mapped[dict[str, Any]]
    author: Mapped[str]
    at: Mapped[datetime]


class FeedbackRow(Base):
    """One complaint, suggestion or question of a retailer.

    ``due_at`` is until when it is answered, ``answer_until`` its day in ``zone``; both stand while it is paused.
    ``answered_at`` is when the answer that stands was given. ``concerns`` are the accounts of the employees whom it is
    about: their sessions see neither it nor what hangs on it, and they never own it; while nobody knows whom, sessions
    of its owner alone see it. ``explanation`` is what the shop
    disputes, frozen as it was told; such a one is answered by a ``decision`` alone. ``escalated`` counts the steps of
    the chain since it came, or was reopened, ``escalate_at`` is when the next one is due. ``sorted_after`` of them were
    taken before it was sorted into the category whose chain holds now.
    """

    __tablename__ = "feedback"
    __ddl__: ClassVar[tuple[str, ...]] = (
        f"""
        CREATE VIEW {HIDDEN.name} AS SELECT 'feedback:' || number AS subject FROM feedback
        WHERE NOT {_NOBODY} AND {_KEPT}
        UNION ALL SELECT 'unnamed:' || id AS subject FROM feedback_unnamed
        WHERE concerns <> '{{}}' AND {_PERSON} = ANY (concerns)
        """,  # noqa: S608 - made of the constants above alone
        _kept_from("feedback", f"NOT ({_KEPT})"),
        _kept_from("feedback_entries", "EXISTS (SELECT FROM feedback WHERE feedback.id = feedback_entries.feedback)"),
        _kept_from("feedback_remedies", "EXISTS (SELECT FROM feedback WHERE feedback.id = feedback_remedies.feedback)"),
        _kept_from("feedback_steps", "EXISTS (SELECT FROM feedback WHERE feedback.id = feedback_steps.feedback)"),
        _kept_from(
            "photo_uses", "sort <> 'feedback' OR EXISTS (SELECT FROM feedback WHERE feedback.id = photo_uses.subject)"
        ),
        _kept_from("photos", "EXISTS (SELECT FROM photo_uses WHERE photo_uses.photo_id = photos.id)"),
        _kept_from(
            "inbox",
            "left(kind, 9) <> 'feedback.' OR receipt ->> 'number' IS NULL"
            f" OR EXISTS (SELECT FROM feedback WHERE feedback.number = {_MESSAGES})",
        ),
        _kept_from(
            "feed_entries",
            "CASE WHEN kind = 'feedback'"
            " THEN EXISTS (SELECT FROM feedback WHERE feedback.id = CAST(substr(key, 10) AS uuid))"
            " WHEN kind = 'receipt' AND left(data ->> 'kind', 9) = 'feedback.' THEN data ->> 'number' IS NULL"
            " OR EXISTS (SELECT FROM feedback WHERE feedback.number = CAST(data ->> 'number' AS bigint)) ELSE true END",
        ),
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = (
        *(
            f"DROP POLICY concerned ON {table}"
            for table in (
                "feed_entries",
                "inbox",
                "photos",
                "photo_uses",
                "feedback_steps",
                "feedback_remedies",
                "feedback_entries",
                "feedback",
            )
        ),
        f"DROP VIEW {HIDDEN.name}",
    )
    __table_args__ = (
        CheckConstraint("kind IN ('complaint', 'suggestion', 'question')", name="kind"),
        CheckConstraint(
            "category IN ('goods', 'delivery', 'grant', 'price', 'terminal', 'employee', 'other')", name="category"
        ),
        CheckConstraint("way IN ('terminal', 'telephone', 'visit', 'counter')", name="way"),
        CheckConstraint(
            "about_sort IN ('order', 'order_line', 'grant', 'delivery', 'cycle', 'sku', 'tier', 'employee', 'visit')",
            name="about",
        ),
        CheckConstraint("(about_sort IS NULL) = (about_name IS NULL)", name="about_whole"),
        CheckConstraint("words != ''", name="words"),
        CheckConstraint("said_by IN ('owner', 'clerk')", name="said_by"),
        CheckConstraint("state IN ('received', 'looked_at', 'answered', 'closed')", name="state"),
        CheckConstraint("state = 'received' OR owner IS NOT NULL", name="owner"),
        CheckConstraint("owner IS NULL OR owner <> ALL (concerns)", name="owner_not_concerned"),
        CheckConstraint("concerns = '{}' OR category = 'employee'", name="concerns"),
        CheckConstraint("(state IN ('answered', 'closed')) = (answered_at IS NOT NULL)", name="answered"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("paused_at IS NULL OR state = 'looked_at'", name="paused"),
        CheckConstraint("decision IN ('upheld', 'dismissed')", name="decision"),
        CheckConstraint(
            "CASE WHEN explanation IS NULL OR answered_at IS NULL THEN decision IS NULL ELSE decision IS NOT NULL END",
            name="decided",
        ),
        CheckConstraint("(reopened_at IS NULL) = (reopened IS NULL)", name="reopened"),
        CheckConstraint("(reopened_at IS NULL) = (reopens = 0)", name="reopens"),
        CheckConstraint("sorted_after BETWEEN 0 AND escalated", name="escalated"),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        CheckConstraint("satisfaction IS NULL OR state = 'closed'", name="rated"),
        Index("ix_feedback_state", "state", "due_at"),
        Index("ix_feedback_retailer", "retailer"),
        Index("ix_feedback_at", "at"),
        Index("ix_feedback_owner", "owner", postgresql_where=text("state IN ('received', 'looked_at')")),
        Index("ix_feedback_escalate", "escalate_at", postgresql_where=text("escalate_at IS NOT NULL")),
        Index("ix_feedback_employee", "id", postgresql_where=text("category = 'employee'")),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    kind: Mapped[str]
    category: Mapped[str]
    way: Mapped[str]
    about_sort: Mapped[str | None]
    about_name: Mapped[str | None]
    concerns: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    words: Mapped[str]
    explanation: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    by: Mapped[str]
    said_by: Mapped[str | None]
    at: Mapped[datetime]
    zone: Mapped[str]
    due_at: Mapped[datetime]
    answer_until: Mapped[date]
    state: Mapped[str]
    owner: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    escalated: Mapped[int] = mapped_column(server_default="0")
    sorted_after: Mapped[int] = mapped_column(server_default="0")
    escalate_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    reopened: Mapped[str | None]
    reopens: Mapped[int] = mapped_column(server_default="0")
    satisfaction: Mapped[int | None]


class FeedbackStepRow(Base):
    """One step of escalation: late, it went to the next person of the chain. ``round`` counts the reopenings before."""

    __tablename__ = "feedback_steps"
    __append_only__ = True
    __party__ = "retailer"

    feedback: Mapped[UUID] = mapped_column(ForeignKey("feedback.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    before: Mapped[str | None]
    owner: Mapped[str]
    at: Mapped[datetime]


class FeedbackEntryRow(Base):
    """What was written to one piece of feedback.

    An answer, a note that stays inside, why it waits, why it is reopened; a proposed answer, why nothing is made good,
    why a proposal was handed back. Emptied, never changed.
    """

    __tablename__ = "feedback_entries"
    __append_only__ = True
    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION feedback_entries_empty(emptied uuid[], mark text) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
            UPDATE feedback_entries SET words_zh = mark, words_en = mark WHERE feedback = ANY (emptied)
        $$
        """,
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = ("DROP FUNCTION feedback_entries_empty(uuid[], text)",)
    __table_args__ = (
        CheckConstraint(
            "sort IN ('answer', 'note', 'pause', 'reopening', 'proposal', 'no_remedy', 'returned')", name="sort"
        ),
        CheckConstraint("words_zh != '' OR words_en != ''", name="words"),
        Index("ix_feedback_entries_feedback", "feedback"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    feedback: Mapped[UUID] = mapped_column(ForeignKey("feedback.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    sort: Mapped[str]
    words_zh: Mapped[str]
    words_en: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]


class RemedyRow(Base):
    """What the answer that upholds a dispute about a grant is to make good: proposed by one, decided by another.

    ``units`` are none where nothing is made good. Its words are entries: the ``answer`` as it was proposed, and
    ``because``, why nothing is made good. ``closes`` is whether the answer closes the dispute.
    """

    __tablename__ = "feedback_remedies"
    __table_args__ = (
        CheckConstraint("(units IS NULL) = (because IS NOT NULL)", name="because"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("state IN ('proposed', 'confirmed', 'returned')", name="state"),
        CheckConstraint("num_nulls(decided_by, decided_at) IN (0, 2)", name="decision_whole"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("state <> 'confirmed' OR decided_by <> author", name="two_persons"),
        Index("uq_feedback_remedies_proposed", "feedback", unique=True, postgresql_where=text("state = 'proposed'")),
        Index("ix_feedback_remedies_feedback", "feedback"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    feedback: Mapped[UUID] = mapped_column(ForeignKey("feedback.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    units: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[UUID] = mapped_column(ForeignKey("feedback_entries.id"))
    because: Mapped[UUID | None] = mapped_column(ForeignKey("feedback_entries.id"))
    closes: Mapped[bool]
    author: Mapped[str]
    at: Mapped[datetime]
    state: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class UnnamedRow(Base):
    """What some shop said without saying who it is. Nothing here, and nothing beside it, knows which shop.

    No device, no instant, no number: the Monday of the week in which it came, ``week``, is all. Once that week is over
    the row is written anew together with all the others, in a random order, and is ``mixed``: not even where it
    lies says when it came. ``code_sha256`` is the digest of the code with which the answer is read.
    """

    __tablename__ = "feedback_unnamed"
    __ddl__: ClassVar[tuple[str, ...]] = (
        "ALTER TABLE feedback_unnamed ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY everybody ON feedback_unnamed USING (true) WITH CHECK (true)",
        _kept_from("feedback_unnamed", f"NOT ({_PERSON} = ANY (concerns))"),
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = (
        "DROP POLICY concerned ON feedback_unnamed",
        "DROP POLICY everybody ON feedback_unnamed",
    )
    __table_args__ = (
        CheckConstraint("kind IN ('complaint', 'suggestion', 'question')", name="kind"),
        CheckConstraint(
            "category IN ('goods', 'delivery', 'grant', 'price', 'terminal', 'employee', 'other')", name="category"
        ),
        CheckConstraint("words != ''", name="words"),
        CheckConstraint("concerns = '{}' OR category = 'employee'", name="concerns"),
        CheckConstraint("(answered_by IS NULL) = (answered_on IS NULL)", name="answered"),
        CheckConstraint("(answered_by IS NULL) = (answer_zh = '' AND answer_en = '')", name="answer"),
        CheckConstraint("answered_by IS NULL OR answered_by <> ALL (concerns)", name="not_concerned"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code_sha256: Mapped[bytes] = mapped_column(unique=True)
    week: Mapped[date]
    mixed: Mapped[bool] = mapped_column(server_default="false")
    kind: Mapped[str]
    category: Mapped[str]
    words: Mapped[str]
    concerns: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    answer_zh: Mapped[str] = mapped_column(server_default="")
    answer_en: Mapped[str] = mapped_column(server_default="")
    answered_by: Mapped[str | None]
    answered_on: Mapped[date | None]
