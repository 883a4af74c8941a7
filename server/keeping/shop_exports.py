"""Everything held on one shop, taken out on request: rows of every table that knows shops, its photos, its audit.

The archive has a folder for each capability, each table as CSV for people (texts that a spreadsheet would compute are
neutralised) and as JSON with the exact values, the photos as they came, ``manifest.json`` with a SHA-256 of each file,
and a README in both languages. Guarantees: which tables belong is read from the models, so that a new one is in at
once; all rows are of one snapshot; what only proves who a terminal is never leaves; asked, made and taken are audited.
Who asked takes it away, nobody else: complaints about the person who asked are not in it.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import LargeBinary, Select, Table, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.texts import Language, translations
from server.keeping.models import ShopExport
from server.kit import audit, computations, jobs, sheets
from server.kit.audit import AuditEntry
from server.kit.db import EVERYTHING, Base, act_for, mapped_tables, transaction
from server.kit.fields import Field, Text, require
from server.kit.identity import SYSTEM, Operator
from server.kit.marking import N_
from server.kit.retention import Kind, count
from server.kit.runtime import Runtime
from server.retailers import queries as retailers

log = structlog.get_logger(__name__)
TASK: Final = "keeping.shop_export"
SHOWN: Final = 20
TROUBLE_MOST: Final = 300
REASON: Final = (Field("reason", N_("Reason"), Text(300)),)
SECRET: Final = frozenset({"sealed_key"})
"""Columns that never leave, beside those of raw bytes: sealed keys."""
EXTENSIONS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
WHEN: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the manifest says when it was made."""

FOLDERS: Final[Mapping[str, str]] = {
    "retailers": N_("who the shop is, its standing, limits and notes"),
    "licences": N_("its licences and the files about them, step by step"),
    "devices": N_("its terminals; nothing by which they prove who they are"),
    "fleet": N_("how its terminals were: when they were heard, what they told, alerts about them"),
    "steering": N_("what its terminals were set to and asked to do, and what became of it"),
    "photos": N_("photos that it sent, as they came, and what they were sent with"),
    "forecasts": N_("its demand history, forecasts and agreed figures"),
    "scores": N_("its scores, decisions, appeals and the facts behind them"),
    "orders": N_("its orders with their lines, and reminders"),
    "cycles": N_("its lines in frozen books, grants with reasons, manual decisions, carries"),
    "deliveries": N_("its deliveries, claims and what became of them"),
    "inventory": N_("its stock, movement by movement"),
    "surveys": N_("surveys that it was invited to, and its answers; of anonymous ones that it answered"),
    "announcements": N_("what it was told, and when it was shown and confirmed"),
    "feedback": N_("its complaints, suggestions and questions, and the answers"),
    "signals": N_("what stood out in its orders, with the evidence and what a person said of it"),
    "visits": N_("visits and calls, what was promised, and in which plans it stood"),
    "kit": N_("which of its messages were taken, what its terminals were told, acts about it in the audit"),
    "keeping": N_("which archives of it were made before"),
}


@dataclass(frozen=True)
class Export:
    """One archive, made or under way."""

    id: UUID
    retailer: str
    reason: str
    asked_by: str
    asked_at: datetime
    state: str
    parts_done: int
    parts: int
    sha256: str | None
    size_bytes: int | None
    trouble: str | None
    there: bool


def tables() -> list[tuple[Table, str]]:
    """Return every table that knows shops, with the name of the column that does."""
    return [
        (_table(mapped), column)
        for mapped in mapped_tables()
        if (column := mapped.__party__ or mapped.__party_for_people__) is not None
    ]


def ask(session: Session, code: str, reason: str, operator: Operator, *, at: datetime) -> UUID:
    """Have an archive of a shop made, for a reason.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; an empty or long reason.
    """
    require(REASON, {"reason": reason.strip()})
    if not retailers.known(session, [code]):
        raise Rejected("not_found", what="retailer", name=code)
    export = uuid7()
    row = ShopExport(
        id=export,
        retailer=code,
        reason=reason.strip(),
        asked_by=operator.name,
        asked_at=at,
        state="waiting",
        parts=len(tables()) + 2,
    )
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"export": str(export)}, lock=f"shop-export:{code}")
    detail = {"export": str(export), "reason": reason.strip()}
    audit.record(session, actor=operator.actor, action="export.asked", subject=f"retailer:{code}", at=at, detail=detail)
    return export


def take(session: Session, export: UUID, operator: Operator, *, at: datetime) -> tuple[bytes, Export]:
    """Return the bytes of an archive, and write down who took it away.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``archive_anothers``; ``wrong_state`` where it is not there yet or no longer.
    """
    found = one(session, export)
    if found.asked_by != operator.name:
        raise Rejected("archive_anothers", name=found.asked_by)
    content = session.scalar(select(ShopExport.content).where(ShopExport.id == export))
    if content is None:
        raise Conflict("wrong_state", state=found.state if found.sha256 is None else "erased", needed="done")
    detail = {"export": str(export), "sha256": found.sha256}
    subject = f"retailer:{found.retailer}"
    audit.record(session, actor=operator.actor, action="export.taken", subject=subject, at=at, detail=detail)
    return content, found


def ask_again(session: Session, export: UUID, operator: Operator, *, at: datetime) -> UUID:
    """Have an archive made anew that failed, for the same reason; the failed one stays in the list.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where it did not fail.
    """
    found = one(session, export)
    if found.state != "failed":
        raise Conflict("wrong_state", state=found.state, needed="failed")
    return ask(session, found.retailer, found.reason, operator, at=at)


def stop(session: Session, export: UUID, operator: Operator, *, at: datetime) -> None:
    """Stop an archive that is not made yet. Raises as :func:`server.kit.computations.stop` does."""
    computations.stop(session, ShopExport, export, f"export:{export}", by=operator, at=at)


def one(session: Session, export: UUID) -> Export:
    """Return one archive, or refuse: ``not_found``."""
    found = next(iter(_exports(session, select(ShopExport).where(ShopExport.id == export))), None)
    if found is None:
        raise Rejected("not_found", what="export", name=str(export))
    return found


def of_shop(session: Session, code: str) -> list[Export]:
    """Return the archives of a shop, the newest first."""
    query = select(ShopExport).where(ShopExport.retailer == code).order_by(ShopExport.asked_at.desc()).limit(SHOWN)
    return _exports(session, query)


def run(runtime: Runtime, *, export: str) -> None:
    """Make an archive. Called again after a crash it begins again; done, failed or stopped it does nothing.

    A database that is away is left to the queue, which tries again; whatever else goes wrong ends it as failed, and
    the row says why.
    """
    chosen = UUID(export)
    with computations.until_stopped(f"shop export {export}"):
        with transaction(runtime.sessions) as session:
            row = computations.begin(session, ShopExport, chosen)
            if row is None:
                return
            code, by = row.retailer, row.asked_by
        try:
            _store(runtime, chosen, code, _archive(runtime, chosen, code, by))
        except (OperationalError, computations.StoppedError):
            raise
        except Exception as error:  # whatever it is, the archive must say so instead of standing still
            log.exception("shop_export_failed", export=export)
            words = str(error).splitlines()
            _fail(runtime, chosen, code, f"{type(error).__name__}: {words[0] if words else ''}"[:TROUBLE_MOST])


def _store(runtime: Runtime, export: UUID, code: str, content: bytes) -> None:
    with transaction(runtime.sessions) as session:
        at = runtime.clock()
        digest = hashlib.sha256(content).hexdigest()
        values = {"state": "done", "done_at": at, "sha256": digest, "size_bytes": len(content), "content": content}
        computations.note(session, ShopExport, export, parts_done=len(tables()) + 2, **values)
        detail = {"export": str(export), "sha256": digest, "bytes": len(content)}
        audit.record(session, actor=SYSTEM, action="export.made", subject=f"retailer:{code}", at=at, detail=detail)


def _fail(runtime: Runtime, export: UUID, code: str, trouble: str) -> None:
    with transaction(runtime.sessions) as session:
        at = runtime.clock()
        computations.note(session, ShopExport, export, state="failed", trouble=trouble, done_at=at)
        detail, subject = {"export": str(export), "why": trouble}, f"retailer:{code}"
        audit.record(session, actor=SYSTEM, action="export.failed", subject=subject, at=at, detail=detail, alert=True)


def _archive(runtime: Runtime, export: UUID, code: str, by: str) -> bytes:
    files: dict[str, bytes] = {}
    rows: dict[str, int] = {}
    with runtime.sessions() as session:
        act_for(session, EVERYTHING, person=by)
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        for done, (table, column) in enumerate(tables()):
            name = f"{folder(table)}/{table.name}"
            found = _rows(session, table, column, code)
            rows[f"{name}.csv"] = rows[f"{name}.json"] = len(found[1])
            files[f"{name}.csv"], files[f"{name}.json"] = _csv(*found), _json(*found)
            _progress(runtime, export, done + 1)
        about = _audit(session, code)
        rows["kit/audit.csv"] = rows["kit/audit.json"] = len(about[1])
        files["kit/audit.csv"], files["kit/audit.json"] = _csv(*about), _json(*about)
        _progress(runtime, export, len(tables()) + 1)
        files |= dict(_photos(session, code))
        session.rollback()
    files["README.md"] = _readme(code).encode()
    manifest = {
        "retailer": code,
        "asked_by": by,
        "made_at": runtime.clock().isoformat(),
        "files": [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": rows.get(name)}
            for name, content in sorted(files.items())
        ],
    }
    files["manifest.json"] = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in sorted(files.items()):
            opened.writestr(zipfile.ZipInfo(name, WHEN), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _progress(runtime: Runtime, export: UUID, done: int) -> None:
    with transaction(runtime.sessions) as session:
        computations.note(session, ShopExport, export, parts_done=done)


def _rows(session: Session, table: Table, column: str, code: str) -> tuple[list[str], list[Sequence[Any]]]:
    shown = [one for one in table.columns if not isinstance(one.type, LargeBinary) and one.name not in SECRET]
    order = [one for one in table.primary_key.columns if one in shown]
    found = session.execute(select(*shown).where(table.c[column] == code).order_by(*order))
    return [one.name for one in shown], [tuple(row) for row in found]


def _audit(session: Session, code: str) -> tuple[list[str], list[Sequence[Any]]]:
    columns = (AuditEntry.id, AuditEntry.at, AuditEntry.actor, AuditEntry.action, AuditEntry.detail)
    found = session.execute(select(*columns).where(AuditEntry.subject == f"retailer:{code}").order_by(AuditEntry.id))
    return [one.key for one in columns], [tuple(row) for row in found]


def _photos(session: Session, code: str) -> Iterator[tuple[str, bytes]]:
    photos = Base.metadata.tables["photos"]
    found = session.execute(
        select(photos.c.sha256, photos.c.media_type, photos.c.content)
        .where(photos.c.retailer == code, photos.c.complete_at.is_not(None), photos.c.deleted_at.is_(None))
        .order_by(photos.c.sha256)
    )
    for sha256, media_type, content in found:
        yield f"photos/{sha256}.{EXTENSIONS[media_type]}", bytes(content)


def _csv(headings: list[str], rows: list[Sequence[Any]]) -> bytes:
    written = [["" if value is None else _plain(value) for value in row] for row in rows]
    return sheets.csv_text(sheets.Sheet(headings, ["text"] * len(headings), written))


def _json(headings: list[str], rows: list[Sequence[Any]]) -> bytes:
    told = [dict(zip(headings, row, strict=True)) for row in rows]
    return json.dumps(told, ensure_ascii=False, indent=1, default=_plain).encode()


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _readme(code: str) -> str:
    parts = []
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        gettext = translations("server", language).gettext
        folders = "\n".join(f"- `{name}/`: {gettext(words)}" for name, words in FOLDERS.items())
        parts.append(f"# {gettext(TITLE) % {'code': code}}\n\n{gettext(README)}\n\n{folders}\n")
    return "\n".join(parts)


TITLE: Final = N_("Everything held on %(code)s")
README: Final = N_(
    "Each table comes as two files: `.csv` for people (a text that a spreadsheet would compute has an apostrophe before"
    " it) and `.json` with the exact values. Times are UTC, amounts are minor units of the currency, quantities units."
    " `manifest.json` lists each file with its bytes, SHA-256 and rows. Secrets of terminals are not in it, and no"
    " complaints about the employee who asked for it: those are given out by another one."
)


def folder(table: Table) -> str:
    """Return the folder of a table in the archive: the capability that owns it."""
    return _FOLDER_OF[table.name]


def _table(mapped: type[Base]) -> Table:
    table = mapped.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{mapped.__name__} is no table")
    _FOLDER_OF[table.name] = mapped.__module__.split(".")[1]
    return table


_FOLDER_OF: dict[str, str] = {}


def _exports(session: Session, query: Select[Any]) -> list[Export]:
    shown = query.add_columns(ShopExport.content.is_not(None))
    return [
        Export(
            row.id,
            row.retailer,
            row.reason,
            row.asked_by,
            row.asked_at,
            row.state,
            row.parts_done,
            row.parts,
            row.sha256,
            row.size_bytes,
            row.trouble,
            there,
        )
        for row, there in session.execute(shown)
    ]


def _old(before: datetime) -> Select[Any]:
    return select(ShopExport.id).where(ShopExport.done_at < before, ShopExport.content.is_not(None))


def _count_old(session: Session, before: datetime) -> int:
    return count(session, _old(before))


def _erase_old(session: Session, before: datetime, _at: datetime) -> int:
    gone = update(ShopExport).where(ShopExport.id.in_(_old(before))).values(content=None)
    return len(session.scalars(gone.returning(ShopExport.id)).all())


RETENTION: Final = (
    Kind(
        "shop_exports",
        N_("Archives of everything held on one shop"),
        N_("To be taken away by who asked for them."),
        N_("the archive was made"),
        N_("the archive is emptied; who asked, why, and its SHA-256 stay"),
        14,
        _count_old,
        _erase_old,
    ),
)
