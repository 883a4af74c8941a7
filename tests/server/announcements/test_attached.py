"""Pictures and documents that go with an announcement: what is taken, what it becomes, who fetches it, in ranges."""

import io
import json
from typing import Any
from uuid import UUID

import pypdfium2
import pytest
from devices import signing
from factories import NOW, make_device, make_retailer
from PIL import Image
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import Announcement
from server.announcements import attached, rules
from server.announcements import service as announcements
from server.kit import outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
WORDS = {"zh": "通知", "en": "Notice"}


def picture(side_px: int = 40, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGBA" if form == "PNG" else "RGB", (side_px, side_px // 2), "teal").save(out, form)
    return out.getvalue()


def document(pages: int) -> bytes:
    out = io.BytesIO()
    made = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        made.new_page(595, 842)
    made.save(out)
    return out.getvalue()


def write(session: Session) -> UUID:
    draft = rules.Draft.model_validate({"sort": "notice", "title": WORDS, "body": WORDS, "audience": {"codes": ["R1"]}})
    return announcements.write_announcement(session, draft, PLANNER, at=NOW)


@pytest.fixture
def shop(session: Session) -> None:
    make_retailer(session, "R1")
    make_retailer(session, "R2")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no_file"),
        (b"GIF89a" + bytes(50), "no_picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "no_picture"),
        (picture()[:60], "no_picture"),
        (b"%PDF-1.7 and no more", "no_picture"),
        (document(13), "too_many_pages"),
        (bytes(attached.SOURCE_MOST_BYTES + 1), "file_too_large"),
    ],
)
def test_what_is_no_picture_or_document_of_a_size_that_is_taken_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        attached.draw(content)
    assert refused.value.problems["file"].reason.code == reason


def test_a_page_is_drawn_anew_on_white_and_made_small_enough() -> None:
    noise = Image.effect_noise((3000, 2000), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=90, exif=Image.Exif())
    kind, (page,) = attached.draw(out.getvalue())
    assert (kind, max(page.width_px, page.height_px) <= attached.SIDE_MOST_PX) == ("picture", True)
    assert len(page.content) <= attached.PAGE_MOST_BYTES
    seen = Image.open(io.BytesIO(page.content))
    assert (seen.format, seen.size, dict(seen.getexif())) == ("JPEG", (page.width_px, page.height_px), {})
    kind, pages = attached.draw(document(2))
    assert (kind, [(one.width_px, one.height_px) for one in pages]) == ("document", [(905, 1280)] * 2)


def test_a_draft_takes_files_within_its_budget_and_what_is_sent_takes_none(session: Session, shop: None) -> None:
    announcement = write(session)
    first = attached.attach(session, announcement, "..\\Preis\x00liste.png", picture(), PLANNER, at=NOW)
    assert [one.name for one in attached.attachments(session, announcement)] == ["Preisliste.png"]
    attached.take_away(session, announcement, first, PLANNER, at=NOW)
    attached.take_away(session, announcement, first, PLANNER, at=NOW)
    attached.attach(session, announcement, "a.pdf", document(10), PLANNER, at=NOW)
    with pytest.raises(Invalid, match="13 pages"):
        attached.attach(session, announcement, "b.pdf", document(3), PLANNER, at=NOW)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    with pytest.raises(Conflict):
        attached.attach(session, announcement, "c.png", picture(), PLANNER, at=NOW)
    items, _ = outbox.read(session, "R1", after=0)
    told = Announcement.model_validate(items[-1].data)
    assert [(one.name, one.kind, len(one.pages)) for one in told.attachments] == [("a.pdf", "document", 10)]
    page = told.attachments[0].pages[0].sha256
    assert len(attached.content_for(session, "R1", page)) == told.attachments[0].pages[0].size_bytes
    with pytest.raises(Rejected):
        attached.content_for(session, "R2", page)


def test_a_terminal_fetches_ranges_of_what_its_shop_was_sent(sessions, app_client):
    with transaction(sessions) as session:
        for code in ("R1", "R2"):
            make_retailer(session, code)
            make_device(session, code)
        announcement = write(session)
        attached.attach(session, announcement, "a.png", picture(), PLANNER, at=NOW)
        page = attached.attachments(session, announcement)[0].pages[0]
    address = f"/device/v1/attachments/{page.sha256}"
    mine, other = signing("t-r1"), signing("t-r2")
    assert app_client.get(address, auth=mine).json()["code"] == "attachment_unknown"  # not sent yet
    with transaction(sessions) as session:
        announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    whole = app_client.get(address, auth=mine)
    assert (whole.status_code, len(whole.content), whole.headers["Accept-Ranges"]) == (200, page.size_bytes, "bytes")
    part = app_client.get(address, auth=mine, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{page.size_bytes}"
    rest = app_client.get(address, auth=mine, headers={"Range": "bytes=20-"})
    assert rest.content == whole.content[20:]
    beyond = app_client.get(address, auth=mine, headers={"Range": f"bytes={page.size_bytes}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{page.size_bytes}")
    assert app_client.get(address, auth=other).json()["code"] == "attachment_unknown"
    assert app_client.get(address).json()["code"] == "not_enrolled"


def test_a_correction_brings_a_file_along_and_lets_another_go_and_the_first_version_keeps_its_own(session, shop):
    made = write(session)
    old = attached.attach(session, made, "old.png", picture(), PLANNER, at=NOW)
    announcements.publish_announcement(session, made, PLANNER, at=NOW)
    note = {"zh": "新表", "en": "a new table"}
    correction = rules.Correction.model_validate({"title": WORDS, "body": WORDS, "note": note})

    def correct(files: attached.Changed) -> int:
        return announcements.correct_announcement(session, made, correction, PLANNER, at=NOW, files=files)

    with pytest.raises(Invalid), session.begin_nested():
        correct(attached.Changed("bad.png", b"no picture"))
    with pytest.raises(Rejected, match="attachment"), session.begin_nested():
        correct(attached.Changed(gone=frozenset({made})))
    session.expire_all()
    assert correct(attached.Changed("new.png", picture(60), frozenset({old}))) == 2
    items, _ = outbox.read(session, "R1", after=0)
    told = next(Announcement.model_validate(one.data) for one in items if one.key == f"announcement:{made}")
    assert (told.version, [one.name for one in told.attachments]) == (2, ["new.png"])
    every = [
        (one.name, one.since_version, one.until_version) for one in attached.attachments(session, made, earlier=True)
    ]
    assert every == [("old.png", 1, 1), ("new.png", 2, None)]
    assert correct(attached.Changed()) == 3
    assert [one.name for one in attached.attachments(session, made)] == ["new.png"]


def test_a_program_corrects_with_a_file_once_and_sees_what_goes_with_each_version(sessions, signed_in):
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        made = write(session)
        old = attached.attach(session, made, "old.png", picture(), PLANNER, at=NOW)
        announcements.publish_announcement(session, made, PLANNER, at=NOW)
    program, address = signed_in("planner"), f"/api/v1/announcements/{made}"
    correction = json.dumps({"title": WORDS, "body": WORDS, "note": {"zh": "新表", "en": "a new table"}})

    def correct(key: str, **said: Any) -> Any:
        said = {"data": {"correction": correction}} | said
        return program.post(f"{address}/correct-with-files", headers={"Idempotency-Key": key}, **said)

    def going() -> list[tuple[str, int, int | None]]:
        listed = program.get(f"{address}/attachments").json()
        return [(one["name"], one["since_version"], one["until_version"]) for one in listed]

    for wrong in (
        {"files": {"file": ("bad.png", b"no picture")}},
        {"files": {"file": ("large.png", bytes(attached.SOURCE_MOST_BYTES + 1))}},
        {"data": {"correction": correction, "gone": [str(old)] * (attached.FILES_MOST + 1)}},
        {"data": {"correction": "{}"}},
        {"data": {"correction": correction.replace("a new table", " ")}},
    ):
        refused = correct("k1", **wrong)
        assert (refused.status_code, refused.json()["family"]) == (422, "rejected"), wrong
    assert correct("k1", data={"correction": correction, "gone": [str(made)]}).status_code == 404
    assert going() == [("old.png", 1, None)]

    wanted: Any = {"data": {"correction": correction, "gone": [str(old)]}, "files": {"file": ("new.pdf", document(2))}}
    first, again = correct("k1", **wanted), correct("k1", **wanted)

    assert (first.status_code, first.json()) == (200, {"version": 2})
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert correct("k1").json()["code"] == "id_reused"
    assert going() == [("old.png", 1, 1), ("new.pdf", 2, None)]
    shown = program.get(f"{address}/attachments").json()[1]
    assert (shown["kind"], [page["ordinal"] for page in shown["pages"]]) == ("document", [1, 2])
    assert signed_in("dispatcher").post(f"{address}/correct-with-files", data=wanted["data"]).status_code == 403
