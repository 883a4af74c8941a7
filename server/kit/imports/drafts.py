"""Uploaded files that wait for a person's decision: how they are read, what would become of them, store or discard.

A draft holds the file, the mapping as text and the report of a trial run. Files up to :data:`AT_ONCE_BYTES` are
tried and stored while the person waits; larger ones by a job, whose progress the draft shows. Drafts are removed
a day after they came.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import CheckConstraint, LargeBinary, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.texts import LANGUAGES, translations
from server.kit import jobs
from server.kit.computations import StoppedError, until_stopped
from server.kit.db import Base, transaction
from server.kit.fields import Reason, Unfit
from server.kit.identity import Actor
from server.kit.imports import mapping as mappings
from server.kit.imports.mapping import FieldMap
from server.kit.imports.reading import FileRefused, Sheet
from server.kit.imports.reports import Report, shown
from server.kit.imports.running import Upload, read_upload, run
from server.kit.records import Kind
from server.kit.runtime import Runtime

AT_ONCE_BYTES = 4 * 1024 * 1024
KEPT = timedelta(days=1)
TASK = "imports.run_draft"

Work = Literal["idle", "checking", "storing"]
_REPORT: TypeAdapter[Report] = TypeAdapter(Report)


class ImportDraft(Base):
    """One uploaded file. ``trial`` is the report of the last trial run, ``fault`` why nothing of it can be taken.

    ``turn`` counts the jobs that were queued for it: only the last one may write.
    """

    __tablename__ = "import_drafts"
    __table_args__ = (CheckConstraint("work IN ('idle', 'checking', 'storing')", name="work"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    file_name: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size_bytes: Mapped[int]
    mapping: Mapped[str]
    by: Mapped[str]
    created_at: Mapped[datetime]
    work: Mapped[str]
    turn: Mapped[int]
    rows_done: Mapped[int]
    rows_total: Mapped[int]
    trial: Mapped[dict[str, Any] | None]
    fault: Mapped[dict[str, Any] | None]
    report_id: Mapped[UUID | None]

    @property
    def upload(self) -> Upload:
        """The file."""
        return Upload(self.file_name, self.content)

    @property
    def report(self) -> Report | None:
        """The report of the trial run, where there is one."""
        return None if self.trial is None else _REPORT.validate_python(self.trial, strict=False)

    def fault_sentence(self, gettext: Callable[[str], str]) -> str | None:
        """Return why nothing of the file can be taken, or none."""
        return None if self.fault is None else Reason(**self.fault["reason"]).sentence(self.fault["params"], gettext)


@dataclass(frozen=True)
class Looks:
    """How a draft is read at this moment; ``sheet`` is none where it cannot be read at all."""

    field_map: FieldMap
    sheet: Sheet | None


def keep(
    session: Session, kind: Kind, upload: Upload, mapping: str, actor: Actor, *, minor: Decimal, at: datetime
) -> UUID:
    """Keep an uploaded file and try it; return the draft's id. ``minor`` is how many minor units make a major one.

    Raises
    ------
    Unfit
        Where the mapping is no mapping.
    """
    mappings.parse(mapping)
    session.execute(delete(ImportDraft).where(ImportDraft.created_at < at - KEPT))
    draft = ImportDraft(
        id=uuid7(),
        kind=kind.name,
        file_name=upload.name,
        content=upload.content,
        size_bytes=len(upload.content),
        mapping=mapping,
        by=str(actor),
        created_at=at,
        work="idle",
        turn=0,
        rows_done=0,
        rows_total=0,
    )
    session.add(draft)
    session.flush()
    _check(session, draft, kind, actor, minor, at)
    return draft.id


def draft_of(session: Session, draft_id: UUID) -> ImportDraft:
    """Return a draft; refuse with ``not_found`` where it was stored, discarded or too old."""
    draft = session.get(ImportDraft, draft_id)
    if draft is None:
        raise Rejected("not_found", what="uploaded file", name=str(draft_id))
    return draft


def waiting(session: Session) -> Sequence[ImportDraft]:
    """Return the drafts that are not stored yet, the newest first."""
    query = select(ImportDraft).where(ImportDraft.report_id.is_(None)).order_by(ImportDraft.created_at.desc())
    return session.scalars(query).all()


def discard(session: Session, draft_id: UUID) -> None:
    """Forget a draft; nothing of it was stored."""
    session.execute(delete(ImportDraft).where(ImportDraft.id == draft_id, ImportDraft.work == "idle"))


def stop(session: Session, draft_id: UUID) -> None:
    """Stop what a job does with a draft: nothing of the file is stored, and the draft stays as it was before.

    Raises
    ------
    Conflict
        ``wrong_state``, where no job is at it.
    """
    query = update(ImportDraft).where(ImportDraft.id == draft_id, ImportDraft.work != "idle").values(work="idle")
    if session.scalar(query.returning(ImportDraft.id)) is None:
        raise Conflict("wrong_state", state="idle", needed="checking / storing")


def looks(draft: ImportDraft, kind: Kind, minor: Decimal) -> Looks:
    """Return how a draft is read: by its mapping, or where that names no field, by its own headings.

    A heading may be a field's name, or its label in any language.
    """
    said = mappings.parse(draft.mapping)
    try:
        sheet, _ = read_upload(draft.upload, kind, said)
    except FileRefused:
        return Looks(said, None)
    if said.sources:
        return Looks(said, sheet)
    gettexts = [translations("server", language).gettext for language in LANGUAGES]
    found = mappings.by_headings(kind.fields, sheet.headings, gettexts, minor)
    return Looks(FieldMap(said.choices, found.sources), sheet)


def remap(
    session: Session, draft: ImportDraft, kind: Kind, mapping: str, actor: Actor, *, minor: Decimal, at: datetime
) -> None:
    """Read a draft by another mapping from now on, and try it.

    Raises
    ------
    Unfit
        Where the mapping is no mapping; the draft stays as it was.
    """
    mappings.parse(mapping)
    draft.mapping = mapping
    _check(session, draft, kind, actor, minor, at)


def store(session: Session, draft: ImportDraft, kind: Kind, actor: Actor, *, at: datetime) -> UUID | None:
    """Store a draft: at once, returning the report's id; or by a job where it is large, returning none.

    Raises
    ------
    FileRefused
        Where nothing of the file can be taken.
    """
    if draft.work != "idle":
        return None
    if draft.size_bytes > AT_ONCE_BYTES:
        _queue(session, draft, "storing", actor)
        return None
    report = run(session, kind, draft.upload, mappings.parse(draft.mapping), actor=actor, at=at)
    discard(session, draft.id)
    return report.id


def job(kinds: Sequence[Kind]) -> Callable[..., None]:
    """Return the task that tries or stores a large draft of one of ``kinds``, each in a transaction of its own."""
    by_name = {kind.name: kind for kind in kinds}

    def run_draft(runtime: Runtime, *, draft: str, turn: int, actor: list[str]) -> None:
        draft_id, who = UUID(draft), Actor(actor[0], actor[1])  # type: ignore[arg-type] # as it was written down
        with until_stopped(f"import:{draft}"):
            try:
                with transaction(runtime.sessions) as session:
                    found = session.get(ImportDraft, draft_id)
                    if found is None or found.work == "idle" or found.turn != turn:
                        return
                    _work(session, runtime, found, by_name[found.kind], who)
            except FileRefused as refused:
                with transaction(runtime.sessions) as session:
                    _note(session, draft_id, turn, work="idle", fault=_fault(refused.unfit))

    return run_draft


def _work(session: Session, runtime: Runtime, draft: ImportDraft, kind: Kind, who: Actor) -> None:
    def progress(done: int, total: int) -> None:
        with transaction(runtime.sessions) as own:
            _note(own, draft.id, turn, rows_done=done, rows_total=total)

    storing, turn = draft.work == "storing", draft.turn
    report = run(
        session,
        kind,
        draft.upload,
        mappings.parse(draft.mapping),
        actor=who,
        at=runtime.clock(),
        dry_run=not storing,
        progress=progress,
    )
    done: dict[str, Any] = {"work": "idle"}
    done |= {"report_id": report.id, "content": b""} if storing else {"trial": _plain(report)}
    _note(session, draft.id, turn, **done)


def _note(session: Session, draft_id: UUID, turn: int, **values: Any) -> None:
    """Write down how far the work is, or how it ended; raise :class:`StoppedError` where it is not wanted any more."""
    query = update(ImportDraft).where(ImportDraft.id == draft_id, ImportDraft.work != "idle", ImportDraft.turn == turn)
    if session.scalar(query.values(**values).returning(ImportDraft.id)) is None:
        raise StoppedError


def _check(session: Session, draft: ImportDraft, kind: Kind, actor: Actor, minor: Decimal, at: datetime) -> None:
    """Try a draft: at once, or by a job where it is large."""
    draft.trial = draft.fault = None
    draft.mapping = mappings.write(looks(draft, kind, minor).field_map)
    if draft.size_bytes > AT_ONCE_BYTES:
        _queue(session, draft, "checking", actor)
        return
    try:
        draft.trial = _plain(
            run(session, kind, draft.upload, mappings.parse(draft.mapping), actor=actor, at=at, dry_run=True)
        )
    except FileRefused as refused:
        draft.fault = _fault(refused.unfit)


def _queue(session: Session, draft: ImportDraft, work: Work, actor: Actor) -> None:
    draft.work = work
    draft.turn += 1
    draft.rows_done = draft.rows_total = 0
    args = {"draft": str(draft.id), "turn": draft.turn, "actor": [actor.kind, actor.name]}
    jobs.defer(session, TASK, args, lock=f"draft:{draft.id}")


def _fault(unfit: Unfit) -> dict[str, Any]:
    return {"reason": vars(unfit.reason), "params": {name: shown(one) for name, one in unfit.params.items()}}


def _plain(report: Report) -> dict[str, Any]:
    plain: dict[str, Any] = _REPORT.dump_python(report, mode="json")
    return plain
