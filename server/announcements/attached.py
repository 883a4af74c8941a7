"""What goes with an announcement: pictures, and documents whose pages are made pictures, which terminals show.

A terminal has no viewer of documents. What was brought in is decoded here, once, and only what was drawn anew goes on:
no metadata, no script, nothing hidden in a file (ADR 0051). Limits stand in this module, and in the form.
"""

import hashlib
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import pypdfium2
from PIL import Image, ImageOps
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.photos import measure
from server.announcements.models import AnnouncementRow, AttachmentRow, PageRow, RecipientRow
from server.kit import audit
from server.kit.fields import Invalid, Reason, Unfit
from server.kit.identity import Operator
from server.kit.marking import N_

SOURCE_MOST_BYTES: Final = 5 * 1024 * 1024
"""Of one file as it is brought in."""
FILES_MOST: Final = 4
PAGES_MOST: Final = 12
"""Of all files of an announcement together; a picture is one."""
PAGE_MOST_BYTES: Final = 160 * 1024
TOTAL_MOST_BYTES: Final = 1024 * 1024
"""Of all pages of an announcement together: what a shop on a slow line gets within minutes."""
SIDE_MOST_PX: Final = 1280
PIXELS_MOST: Final = 40_000_000
QUALITIES: Final = (82, 70, 58, 46)
NAME_MOST: Final = 80
PDF: Final = b"%PDF-"

NO_FILE = Reason("no_file", N_("Choose a file."))
TOO_LARGE = Reason("file_too_large", N_("The file has {size} bytes; {most} are taken."))
NO_PICTURE = Reason(
    "no_picture", N_("This is neither a JPEG, PNG or WebP picture nor a PDF document, or it is damaged.")
)
TOO_MANY_FILES = Reason("too_many_files", N_("{most} files go with an announcement at most. Take one away first."))
TOO_MANY_PAGES = Reason(
    "too_many_pages", N_("It would come to {count} pages; {most} go with an announcement at most. Send an extract.")
)
OVER_BUDGET = Reason(
    "over_budget", N_("All pages together would have {size} bytes; {most} go with an announcement at most.")
)
REASONS = (NO_FILE, TOO_LARGE, NO_PICTURE, TOO_MANY_FILES, TOO_MANY_PAGES, OVER_BUDGET)

_PDFIUM = threading.Lock()
"""PDFium is not safe to be used by two threads at a time."""


@dataclass(frozen=True)
class Page:
    """One page as terminals show it."""

    ordinal: int
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Attachment:
    """What goes with an announcement."""

    id: UUID
    ordinal: int
    name: str
    kind: str
    source_bytes: int
    since_version: int
    until_version: int | None
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Changed:
    """What a correction changes of what goes with an announcement: a file by its name that comes, files that go."""

    name: str = ""
    content: bytes | None = None
    gone: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Drawn:
    """A page that was just drawn."""

    content: bytes
    width_px: int
    height_px: int


def attach(
    session: Session, announcement: UUID, name: str, content: bytes, operator: Operator, *, at: datetime
) -> UUID:
    """Let a picture or document go with an announcement that is not sent yet; return its id.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``Invalid`` naming ``file``.
    """
    return _add(session, _draft(session, announcement), name, content, operator, at)


def correct(session: Session, row: AnnouncementRow, changed: Changed, operator: Operator, *, at: datetime) -> None:
    """Let files come and go with the newest version of an announcement; the earlier ones keep theirs.

    Raises
    ------
    Rejected
        ``not_found``, for a file that does not go with it; ``Invalid`` naming ``file``.
    """
    going = {one.id: one for one in attachments(session, row.id)}
    for one in sorted(changed.gone):
        if one not in going:
            raise Rejected("not_found", what="attachment", name=str(one))
        session.get_one(AttachmentRow, one).until_version = row.version - 1
        session.flush()
        _record(session, row, "announcement.attachment_taken_away", operator, at, name=going[one].name)
    if changed.content is not None:
        _add(session, row, changed.name, changed.content, operator, at)


def _add(session: Session, row: AnnouncementRow, name: str, content: bytes, operator: Operator, at: datetime) -> UUID:
    there = attachments(session, row.id)
    if len(there) >= FILES_MOST:
        raise _unfit(TOO_MANY_FILES, most=FILES_MOST)
    kind, pages = draw(content, PAGES_MOST - sum(len(one.pages) for one in there))
    size = sum(len(page.content) for page in pages) + sum(page.size_bytes for one in there for page in one.pages)
    if size > TOTAL_MOST_BYTES:
        raise _unfit(OVER_BUDGET, size=size, most=TOTAL_MOST_BYTES)
    attachment = AttachmentRow(
        id=uuid7(),
        announcement_id=row.id,
        ordinal=_next_ordinal(session, row.id),
        name=_clean(name),
        kind=kind,
        source_sha256=hashlib.sha256(content).hexdigest(),
        source_bytes=len(content),
        since_version=row.version,
        added_by=operator.name,
        added_at=at,
    )
    session.add(attachment)
    session.flush()
    for ordinal, page in enumerate(pages, start=1):
        session.add(
            PageRow(
                attachment_id=attachment.id,
                ordinal=ordinal,
                sha256=hashlib.sha256(page.content).hexdigest(),
                size_bytes=len(page.content),
                media_type="image/jpeg",
                width_px=page.width_px,
                height_px=page.height_px,
                content=page.content,
            )
        )
    session.flush()
    _record(
        session,
        row,
        "announcement.attached",
        operator,
        at,
        name=attachment.name,
        pages=len(pages),
        sha256=attachment.source_sha256,
    )
    return attachment.id


def take_away(session: Session, announcement: UUID, attachment: UUID, operator: Operator, *, at: datetime) -> None:
    """Take away what would have gone with an announcement that is not sent yet. Again changes nothing.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``.
    """
    row = _draft(session, announcement)
    found = session.get(AttachmentRow, attachment)
    if found is None or found.announcement_id != announcement:
        return
    session.execute(delete(PageRow).where(PageRow.attachment_id == attachment))
    session.delete(found)
    session.flush()
    _record(session, row, "announcement.attachment_taken_away", operator, at, name=found.name)


def attachments(session: Session, announcement: UUID, *, earlier: bool = False) -> list[Attachment]:
    """Return what goes with an announcement, in its order; with ``earlier`` also what went with earlier versions."""
    going = select(AttachmentRow).where(AttachmentRow.announcement_id == announcement).order_by(AttachmentRow.ordinal)
    if not earlier:
        going = going.where(AttachmentRow.until_version.is_(None))
    rows = session.scalars(going).all()
    pages: dict[UUID, list[Page]] = {}
    if rows:
        columns = (PageRow.attachment_id, PageRow.ordinal, PageRow.sha256, PageRow.size_bytes)
        query = select(*columns, PageRow.width_px, PageRow.height_px)
        query = query.where(PageRow.attachment_id.in_([row.id for row in rows])).order_by(PageRow.ordinal)
        for one in session.execute(query):
            pages.setdefault(one[0], []).append(Page(*one[1:]))
    return [
        Attachment(
            row.id,
            row.ordinal,
            row.name,
            row.kind,
            row.source_bytes,
            row.since_version,
            row.until_version,
            tuple(pages.get(row.id, ())),
        )
        for row in rows
    ]


def _next_ordinal(session: Session, announcement: UUID) -> int:
    last = session.scalar(select(func.max(AttachmentRow.ordinal)).where(AttachmentRow.announcement_id == announcement))
    return (last or 0) + 1


def told(session: Session, announcement: UUID) -> tuple[feed.Attachment, ...]:
    """Return what shops are told of it."""
    return tuple(
        feed.Attachment(
            name=one.name,
            kind="document" if one.kind == "document" else "picture",
            pages=tuple(
                feed.AnnouncedPage(
                    sha256=page.sha256,
                    size_bytes=page.size_bytes,
                    media_type="image/jpeg",
                    width_px=page.width_px,
                    height_px=page.height_px,
                )
                for page in one.pages
            ),
        )
        for one in attachments(session, announcement)
    )


def content_for(session: Session, shop: str, sha256: str) -> bytes:
    """Return a page that goes with something that was sent to a shop and not taken back.

    Raises
    ------
    Rejected
        ``attachment_unknown``.
    """
    found = session.scalar(
        select(PageRow.content)
        .join(AttachmentRow, AttachmentRow.id == PageRow.attachment_id)
        .join(AnnouncementRow, AnnouncementRow.id == AttachmentRow.announcement_id)
        .join(RecipientRow, RecipientRow.announcement_id == AnnouncementRow.id)
        .where(PageRow.sha256 == sha256, RecipientRow.retailer == shop, AnnouncementRow.state == "published")
        .limit(1)
    )
    if found is None:
        raise Rejected("attachment_unknown")
    return found


def content_of(session: Session, announcement: UUID, sha256: str) -> bytes:
    """Return a page that goes with an announcement, for those who may see it in the console.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    found = session.scalar(
        select(PageRow.content)
        .join(AttachmentRow, AttachmentRow.id == PageRow.attachment_id)
        .where(PageRow.sha256 == sha256, AttachmentRow.announcement_id == announcement)
        .limit(1)
    )
    if found is None:
        raise Rejected("not_found", what="attachment", name=sha256[:12])
    return found


def draw(content: bytes, pages_most: int = PAGES_MOST) -> tuple[str, list[Drawn]]:
    """Return what a file is and its pages, drawn anew: a JPEG each, of at most :data:`PAGE_MOST_BYTES`.

    Raises
    ------
    Invalid
        Naming ``file``: none of the kinds that are taken, damaged, too large or of too many pages.
    """
    if not content:
        raise _unfit(NO_FILE)
    if len(content) > SOURCE_MOST_BYTES:
        raise _unfit(TOO_LARGE, size=len(content), most=SOURCE_MOST_BYTES)
    try:
        if content.startswith(PDF):
            return "document", [_fitted(page) for page in _pages(content, pages_most)]
        seen = measure(content)
        if seen is None or seen.width_px * seen.height_px > PIXELS_MOST:
            raise _unfit(NO_PICTURE)
        if pages_most < 1:
            raise _unfit(TOO_MANY_PAGES, count=PAGES_MOST + 1, most=PAGES_MOST)
        return "picture", [_fitted(_opened(content))]
    except (OSError, ValueError, pypdfium2.PdfiumError, Image.DecompressionBombError) as error:
        if isinstance(error, Invalid):
            raise
        raise _unfit(NO_PICTURE) from error


def _opened(content: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        picture = Image.open(io.BytesIO(content), formats=["JPEG", "PNG", "WEBP"])
        picture.load()
    return ImageOps.exif_transpose(picture)


def _pages(content: bytes, most: int) -> Iterator[Image.Image]:
    with _PDFIUM:
        document = pypdfium2.PdfDocument(content)
        try:
            count = len(document)
            if count > most:
                raise _unfit(TOO_MANY_PAGES, count=PAGES_MOST - most + count, most=PAGES_MOST)
            drawn = []
            for page in document:
                width, height = page.get_size()
                scale = SIDE_MOST_PX / max(width, height, 1)
                drawn.append(page.render(scale=scale).to_pil())
        finally:
            document.close()
    yield from drawn


def _fitted(picture: Image.Image) -> Drawn:
    """Return a picture on white, as a JPEG that is small enough; smaller where no quality makes it so."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        over = picture.convert("RGBA")
        plain = Image.new("RGB", over.size, "white")
        plain.paste(over, mask=over.getchannel("A"))
    else:
        plain = picture.convert("RGB")
    plain.thumbnail((SIDE_MOST_PX, SIDE_MOST_PX))
    while True:
        for quality in QUALITIES:
            out = io.BytesIO()
            plain.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
            if out.tell() <= PAGE_MOST_BYTES:
                return Drawn(out.getvalue(), plain.width, plain.height)
        plain = plain.resize((max(1, plain.width * 3 // 4), max(1, plain.height * 3 // 4)))


def _clean(name: str) -> str:
    shown = "".join(one for one in name.replace("\\", "/").rsplit("/", 1)[-1] if one.isprintable()).strip()
    return shown[:NAME_MOST] or "–"


def _draft(session: Session, announcement: UUID) -> AnnouncementRow:
    row = session.get(AnnouncementRow, announcement, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="announcement", name=str(announcement))
    if row.state != "draft":
        raise Conflict("wrong_state", state=row.state, needed="draft")
    return row


def _unfit(reason: Reason, **params: str | int) -> Invalid:
    return Invalid({"file": Unfit(reason, **params)})


def _record(
    session: Session, row: AnnouncementRow, action: str, operator: Operator, at: datetime, **detail: str | int
) -> None:
    audit.record(
        session, actor=operator.actor, action=action, subject=f"announcement:{row.number}", at=at, detail=detail
    )
