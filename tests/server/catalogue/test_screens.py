"""The screens of catalogue, retailers, licences and files, in both languages."""

import html
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from factories import make_retailer, make_sku
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.background import TASKS
from server.catalogue import queries as catalogue
from server.kit.db import transaction
from server.kit.imports import drafts
from server.kit.imports.drafts import ImportDraft
from server.kit.runtime import Runtime
from server.licences import queries as licences
from server.retailers import queries as retailers
from server.wiring import IMPORTS

SignedIn = Callable[..., TestClient]
SOON = date(2026, 12, 20)
GBK = "编号,名称,英文,价格\n007,镕喆大曲,Daqu,10.50\n008,二锅头,Erguotou,x\n".encode("gbk")


@pytest.fixture
def town(sessions: sessionmaker[Session]) -> None:
    """Two SKUs, a shop with a name that is all signs, its limit and licence."""
    with transaction(sessions) as session:
        make_sku(session, "K1", licence_class="spirits")
        make_sku(session, "=1+1")
        make_retailer(session, "#N/A", limits={"K1": 12}, classes=("spirits",), licensed_until=SOON)


def unescaped(page: str) -> str:
    return html.unescape(page)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.usefixtures("town")
def test_every_screen_shows_in_both_languages(language: str, signed_in: SignedIn) -> None:
    person = signed_in("planner", "administrator", language=language)
    for path in (
        "/console/catalogue",
        "/console/catalogue/new",
        "/console/catalogue/sku?sku=K1",
        "/console/catalogue/edit?sku=%3D1%2B1",
        "/console/retailers",
        "/console/retailers/new",
        "/console/retailers/file?code=%23N%2FA",
        "/console/retailers/edit?code=%23N%2FA",
        "/console/licences",
        "/console/licences/new?retailer=%23N%2FA",
        "/console/licences/edit?retailer=%23N%2FA&licence_class=spirits&number=spirits-%23N%2FA",
        "/console/imports",
        "/console/",
    ):
        answer = person.get(path)
        assert (path, answer.status_code) == (path, 200)
        if language == "zh":
            assert not re.search(r">(Catalogue|Retailers|Licences|Change|Save|Name in English)<", answer.text), path


@pytest.mark.usefixtures("town")
def test_lists_are_searched_filtered_and_taken_away(signed_in: SignedIn) -> None:
    person = signed_in("planner")
    assert "Item K1" not in person.get("/console/catalogue?q=%3D1").text
    assert "Nothing fits this search" in person.get("/console/licences?stands=expired").text
    for room in ("catalogue", "retailers", "licences"):
        exported = person.get(f"/console/{room}?format=csv")
        kind = {"catalogue": "skus"}.get(room, room)
        files = {"file": ("list.csv", exported.content), "mapping": ("", b"")}
        person.headers["Accept"] = "application/json"
        report = person.post(f"/api/v1/imports/{kind}", files={"file": files["file"]}).json()
        assert report["rows_unchanged"] == report["rows_read"] > 0
        assert person.get(f"/console/{room}?format=xlsx").content[:2] == b"PK"


def test_a_sku_is_added_by_form_in_the_major_unit(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    person = signed_in("planner")
    form = {
        "sku": "K9",
        "name_zh": "大曲",
        "name_en": "",
        "price_minor": "12.505",
        "pack_units": "6",
        "state": "offered",
    }
    form |= {"unit_zh": "瓶", "unit_en": "bottle", "minimum_units": "0"}
    wrong = person.post("/console/catalogue/save", data=form)
    assert wrong.status_code == 422
    page = unescaped(wrong.text)
    assert "“12.505” times 100 is not a whole number, and nothing is rounded." in page
    assert "Nothing is given here, and it is needed." in page
    assert 'value="大曲"' in page
    saved = person.post("/console/catalogue/save", data=form | {"name_en": "Daqu", "price_minor": "12.5"})
    assert (saved.status_code, saved.headers["location"]) == (303, "/console/catalogue/sku?sku=K9")
    with transaction(sessions) as session:
        assert catalogue.skus(session)["K9"].price_minor == 1250
    again = person.post("/console/catalogue/save", data=form | {"name_en": "Daqu", "price_minor": "12.5"})
    assert "There is a SKU of this name already" in unescaped(again.text)
    assert person.post("/console/catalogue/withdraw", data={"sku": "K9"}).status_code == 303
    assert "Offer again" in person.get("/console/catalogue/sku?sku=K9").text
    assert person.post("/console/catalogue/offer", data={"sku": "K9"}).status_code == 303


@pytest.mark.usefixtures("town")
def test_two_people_do_not_overwrite_each_other_unseen(signed_in: SignedIn) -> None:
    person = signed_in("planner")
    page = person.get("/console/retailers/edit?code=%23N%2FA").text
    form = {name: html.unescape(value) for name, value in re.findall(r'name="([\w-]+)" value="([^"]*)"', page)}
    form |= {"editing": "#N/A", "standing": "good"}
    assert person.post("/console/retailers/save", data=form | {"city": "Hill"}).status_code == 303
    late = person.post("/console/retailers/save", data=form | {"city": "Vale"})
    assert late.status_code == 409
    assert "Vale" in late.text


@pytest.mark.usefixtures("town")
def test_a_shop_is_suspended_limited_and_restored_from_its_e_file(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    person = signed_in("planner")
    shop = {"code": "#N/A"}
    page = person.get("/console/retailers/suspend?code=%23N%2FA").text
    assert "no open order, no grant that did not leave" in page
    (shown,) = re.findall(r'name="shown" value="([^"]+)"', page)
    late = person.post("/console/retailers/suspend", data=shop | {"reason": "unpaid", "shown": "0" * 16})
    assert (late.status_code, "has changed since it was shown" in late.text) == (422, True)
    shop |= {"shown": shown}
    assert "Write it." in person.post("/console/retailers/suspend", data=shop | {"reason": " "}).text
    assert person.post("/console/retailers/suspend", data=shop | {"reason": "unpaid"}).status_code == 303
    assert "Suspended: it can order nothing" in person.get("/console/retailers/file?code=%23N%2FA").text
    assert person.post("/console/retailers/restore", data=shop).status_code == 303
    wrong = person.post("/console/retailers/limit", data=shop | {"sku": "K8", "limit_units": "6"})
    assert (wrong.status_code, "There is no SKU “K8”" in unescaped(wrong.text)) == (422, True)
    assert person.post("/console/retailers/limit", data=shop | {"sku": "=1+1", "limit_units": "6"}).status_code == 303
    assert person.post("/console/retailers/limit", data=shop | {"sku": "K1", "limit_units": ""}).status_code == 303
    with transaction(sessions) as session:
        assert retailers.limits(session, "#N/A") == {"=1+1": 6}
    assert "spirits-#N/A" in person.get("/console/retailers/file/licences?code=%23N%2FA").text


@pytest.mark.usefixtures("town")
def test_a_document_is_taken_over_and_corrected_by_form_and_its_state_is_not(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    person = signed_in("administrator")
    form = {"retailer": "#N/A", "licence_class": "tobacco", "number": "T-1", "state": "valid"}
    wrong = person.post("/console/licences/save", data=form | {"valid_from": "2026-01-01", "valid_until": "2025-01-01"})
    assert "The last day lies before the first, 2026-01-01." in wrong.text
    form |= {"valid_from": "2026-01-01", "valid_until": "2026-12-31"}
    assert person.post("/console/licences/save", data=form | {"retailer": "R9"}).status_code == 422
    assert person.post("/console/licences/save", data=form).status_code == 303
    page = person.get("/console/licences/edit?retailer=%23N%2FA&licence_class=tobacco&number=T-1").text
    hidden = {
        name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    }
    tried = form | hidden | {"valid_until": "2027-12-31", "state": "cancelled", "state_reason": "closed"}
    assert person.post("/console/licences/save", data=tried).status_code == 303
    with transaction(sessions) as session:
        kept = {one.number: (one.state, one.valid_until.year) for one in licences.licences_of(session, "#N/A")}
    assert kept == {"T-1": ("valid", 2027), "spirits-#N/A": ("valid", SOON.year)}


def test_a_releaser_looks_and_changes_nothing(signed_in: SignedIn) -> None:
    person = signed_in("releaser")
    assert "/console/catalogue/new" not in person.get("/console/catalogue").text
    for path in ("/console/catalogue/new", "/console/retailers/new", "/console/licences/new", "/console/imports"):
        assert person.get(path).status_code == 403


def upload(person: TestClient, content: bytes, kind: str = "skus") -> str:
    files = {"file": ("list.csv", content), "mapping": ("", b"")}
    answer = person.post("/console/imports", data={"kind": kind}, files=files)
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    return address


def test_a_gbk_file_is_looked_at_changed_and_stored(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    person = signed_in("planner")
    draft = upload(person, GBK)
    page = unescaped(person.get(draft).text)
    assert "guess: GB18030 / GBK" in page
    assert re.search(r'<select[^>]*name="encoding"[^>]*required', page) is None, "a guess is an answer as well"
    assert "镕喆大曲" in page
    assert "Nothing of the file can be taken as it is read now" in page
    chosen = {"column-sku": "c:编号", "column-name_zh": "c:名称", "column-name_en": "c:英文"}
    chosen |= {"column-price_minor": "c:价格", "decimal-price_minor": "yes"}
    chosen |= {"column-licence_class": "=", "constant-licence_class": "spirits"}

    wrong = chosen | {"encoding": "windows-1252"}
    assert person.post(f"{draft}/reading", data=wrong).status_code == 303
    page = unescaped(person.get(draft).text)
    assert "镕喆大曲" not in page
    headings = re.findall(r'value="c:([^"]+)" selected', page)
    assert len(headings) == 4

    right = dict(
        zip(
            ("column-sku", "column-name_zh", "column-name_en", "column-price_minor"),
            (f"c:{h}" for h in headings),
            strict=True,
        )
    )
    assert person.post(f"{draft}/reading", data=chosen | right | {"encoding": "gb18030"}).status_code == 303
    page = unescaped(person.get(draft).text)
    assert "镕喆大曲" in page
    assert "“x” is not a number" in page
    with transaction(sessions) as session:
        assert catalogue.skus(session) == {}

    stored = person.post(f"{draft}/store")
    report = stored.headers["location"]
    page = unescaped(person.get(report).text)
    assert "All refused rows as CSV" in page
    assert b"not_decimal" in person.get(f"{report}/refused.csv").content
    assert "list.csv" in person.get("/console/imports").text
    with transaction(sessions) as session:
        found = catalogue.skus(session)["007"]
        assert (found.name_zh, found.price_minor, found.licence_class) == ("镕喆大曲", 1050, "spirits")
    assert person.get(draft).status_code == 404


def test_a_mapping_is_written_as_text(signed_in: SignedIn) -> None:
    person = signed_in("planner")
    draft = upload(person, GBK)
    wrong = person.post(f"{draft}/mapping", data={"mapping": "fields = ["})
    assert (wrong.status_code, "fields = [" in unescaped(wrong.text)) == (422, True)
    mapping = '[fields]\nsku = "编号"\nname_zh = "名称"\nname_en = "英文"\nprice_minor = { constant = 1 }\n'
    assert person.post(f"{draft}/mapping", data={"mapping": mapping}).status_code == 303
    assert "Store 2 rows?" in unescaped(person.get(draft).text)
    assert person.post(f"{draft}/discard").status_code == 303
    assert person.get(draft).status_code == 404


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        ({"kind": ""}, b"sku\n1\n", "Choose what the file holds."),
        ({"kind": "skus"}, b"", "Choose a file that holds something."),
    ],
)
def test_an_upload_that_is_incomplete_says_so(
    signed_in: SignedIn, form: dict[str, str], content: bytes, said: str
) -> None:
    answer = signed_in("planner").post("/console/imports", data=form, files={"file": ("a.csv", content)})
    assert (answer.status_code, said in answer.text) == (422, True)


def test_an_empty_file_with_our_headings_is_offered(signed_in: SignedIn) -> None:
    given = signed_in("planner").get("/console/imports/empty/limits.csv").content.decode("utf-8-sig")
    assert given == "retailer,sku,limit_units\r\n"


def test_a_large_file_is_tried_and_stored_by_jobs_that_show_progress(
    signed_in: SignedIn, runtime: Runtime, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE_BYTES", 10)
    person = signed_in("planner", name="ann")
    draft = upload(person, b"sku,name_zh,name_en,price_minor\n1,a,b,1\n2,a,b,x\n")
    assert "Checking the file" in person.get(draft).text
    assert "Checking the file" in person.get(f"{draft}/progress").text
    work = {"draft": draft.rsplit("/", 1)[1], "turn": 1, "actor": ["operator", "ann"]}
    TASKS[drafts.TASK](runtime, **work)
    assert "Store 1 rows?" in unescaped(person.get(draft).text)
    assert person.get(f"{draft}/progress").status_code == 303
    assert person.post(f"{draft}/store").headers["location"] == draft
    assert "Storing the file" in person.get(draft).text
    for _ in range(2):  # a job runs at least once
        TASKS[drafts.TASK](runtime, **work | {"turn": 2})
    report = person.get(draft).headers["location"]
    assert re.search(r"<dd>\s*ann\s*</dd>", person.get(report).text)
    with transaction(sessions) as session:
        kept = session.get(ImportDraft, work["draft"])
        assert kept is not None
        assert (kept.rows_done, kept.rows_total, kept.content) == (2, 2, b"")
        assert list(catalogue.skus(session)) == ["1"]


def test_a_large_file_that_is_stopped_is_not_stored_and_can_be_stored_later(
    signed_in: SignedIn, runtime: Runtime, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE_BYTES", 10)
    person = signed_in("planner", name="ann")
    draft = upload(person, b"sku,name_zh,name_en,price_minor\n1,a,b,1\n")
    work = {"draft": draft.rsplit("/", 1)[1], "actor": ["operator", "ann"]}
    TASKS[drafts.TASK](runtime, **work, turn=1)
    person.post(f"{draft}/store")
    assert "Stop it" in person.get(draft).text
    honest = drafts.run

    def stopped_meanwhile(*args: Any, **kwargs: Any) -> Any:
        report = honest(*args, **kwargs)
        assert person.post(f"{draft}/stop").headers["location"] == draft
        return report

    with monkeypatch.context() as slow:
        slow.setattr(drafts, "run", stopped_meanwhile)
        TASKS[drafts.TASK](runtime, **work, turn=2)
    with transaction(sessions) as session:
        assert list(catalogue.skus(session)) == []
    assert "It was stopped; nothing more of it is stored." in person.get(draft).text
    person.post(f"{draft}/stop")
    assert "It was over already; nothing was stopped." in person.get(draft).text
    person.post(f"{draft}/store")
    TASKS[drafts.TASK](runtime, **work, turn=2)  # the one that was stopped comes again
    with transaction(sessions) as session:
        assert list(catalogue.skus(session)) == []
    TASKS[drafts.TASK](runtime, **work, turn=3)
    with transaction(sessions) as session:
        assert list(catalogue.skus(session)) == ["1"]


def test_a_large_file_of_which_nothing_can_be_taken_says_so(
    signed_in: SignedIn, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE_BYTES", 10)
    person = signed_in("planner")
    draft = upload(person, b"code,name\n1,a\n2,b\n")
    drafts.job(IMPORTS)(runtime, draft=draft.rsplit("/", 1)[1], turn=1, actor=["operator", "planner"])
    assert "No column is mapped to the field sku" in person.get(draft).text
