"""The screens and the programs' interface of announcements, in both languages."""

import re
from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer, send
from pictures import picture

from contract.messages import ReadAnnouncement
from server.kit.db import transaction

FORM = {
    "sort": "urgent",
    "title_zh": "周五提前收单",
    "title_en": "Orders close early on Friday",
    "body_zh": "请于 15:00 前下单。",
    "body_en": "Order before 15:00.",
    "must_acknowledge": "yes",
}


@pytest.fixture
def shops(sessions):
    with transaction(sessions) as session:
        make_retailer(session, "R1", region="city", route="north")
        make_retailer(session, "R2", region="hills", route="south")
        return [make_device(session, code) for code in ("R1", "R2")]


def written(browser, **changed: str) -> str:
    kept = browser.post("/console/announcements", data=FORM | changed)
    assert kept.status_code == 303
    page: str = kept.headers["Location"]
    return page


def read(sessions, shop, page: str) -> None:
    with transaction(sessions) as session:
        message = ReadAnnouncement.model_validate({"announcement": page.rsplit("/", 1)[1], "read_at": NOW})
        assert send(session, shop, "announcement.read", message, at=NOW + timedelta(minutes=5)).outcome == "accepted"


@pytest.mark.parametrize(("language", "word"), [("en", "No announcement yet"), ("zh", "还没有公告")])
def test_before_the_first_announcement_the_room_says_so(signed_in, language, word):
    browser = signed_in("planner", language=language)
    assert word in browser.get("/console/announcements").text
    assert browser.get("/console/announcements/new").status_code == 200


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("It is sent to 2 shops.", "By region", "50.0%")), ("zh", ("已发送给 2 个零售户。", "按区域", "50.0%"))],
)
def test_an_announcement_is_written_sent_and_its_reach_seen(signed_in, sessions, clock, shops, language, words):
    browser = signed_in("planner", language=language)
    page = written(browser)
    assert "Orders close early on Friday" in browser.get(page).text
    assert browser.post(f"{page}/publish").status_code == 303
    sent = browser.get(page).text
    read(sessions, shops[1], page)
    clock.advance(minutes=20)
    reached = browser.get(page).text
    for word in words:
        assert word in sent + reached
    unread = browser.get(f"{page}/recipients?acknowledged=no").text
    assert "R1" in unread
    assert ">R2<" not in unread
    assert browser.get(f"{page}/recipients?format=csv").text.count("\n") == 3
    assert page in browser.get("/console/today/voices").text


def test_a_correction_says_so_and_is_counted_anew(signed_in, sessions, shops):
    browser = signed_in("planner")
    page = written(browser)
    browser.post(f"{page}/publish")
    read(sessions, shops[0], page)
    assert "Order before 15:00." in browser.get(f"{page}/correct").text
    wrong = browser.post(f"{page}/correct", data=FORM | {"note_zh": "周四", "note_en": ""})
    assert wrong.status_code == 422
    assert 'href="#f-note_en"' in wrong.text
    correct = FORM | {
        "ask_anew": "yes",
        "title_en": "On Thursday",
        "note_zh": "是周四",
        "note_en": "Thursday, not Friday",
    }
    assert browser.post(f"{page}/correct", data=correct).status_code == 303
    shown = browser.get(page).text
    assert "Correction (version 2): Thursday, not Friday" in shown
    assert "更正（第 2 版）：是周四" in shown
    assert "Orders close early on Friday" in shown
    browser.headers["Accept"] = "application/json"
    reach = browser.get(f"/api/v1{page.removeprefix('/console')}/reach").json()
    assert (reach["sent"], reach["displayed"], reach["acknowledged"]) == (2, 0, 0)
    nobody = {"sent": 1, "delivered": 0, "displayed": 0, "acknowledged": 0}
    assert reach["regions"] == [{"name": "city"} | nobody, {"name": "hills"} | nobody]


def test_a_correction_brings_a_picture_along_and_says_what_is_wrong_with_another(signed_in, shops):
    browser = signed_in("planner")
    page = written(browser)
    browser.post(f"{page}/publish")
    assert 'name="gone"' not in browser.get(f"{page}/correct").text
    said = FORM | {"note_zh": "附上新表", "note_en": "with the new table"}
    broken = browser.post(f"{page}/correct", data=said, files={"file": ("table.png", b"no picture", "image/png")})
    assert (broken.status_code, 'href="#f-file"' in broken.text) == (422, True)
    sent = browser.post(f"{page}/correct", data=said, files={"file": ("table.jpg", picture(), "image/jpeg")})
    assert sent.status_code == 303
    assert "since version 2" in browser.get(page).text
    form = browser.get(f"{page}/correct").text
    (one,) = re.findall(r'name="gone" value="([^"]+)"', form)
    empty = {"file": ("", b"", "application/octet-stream")}
    assert browser.post(f"{page}/correct", data=said | {"gone": one}, files=empty).status_code == 303
    assert "with version 2 alone" in browser.get(page).text


def test_a_form_that_does_not_fit_comes_back_as_it_was_typed(signed_in, shops):
    browser = signed_in("planner")
    answer = browser.post("/console/announcements", data=FORM | {"title_zh": " ", "regions": "city"})
    assert answer.status_code == 422
    assert "Order before 15:00." in answer.text
    assert 'value="city" checked' in answer.text
    no_time = browser.post("/console/announcements", data=FORM | {"expires_at": "soon"})
    assert no_time.status_code == 422
    assert "This is no day and time." in no_time.text


def test_a_draft_is_changed_and_one_that_expired_is_not_sent(signed_in, shops):
    browser = signed_in("planner")
    page = written(browser)
    changed = FORM | {"expires_at": "2026-11-25T08:00", "title_en": "Too late"}
    assert browser.post(f"{page}/edit", data=changed).status_code == 303
    assert 'value="2026-11-25T08:00"' in browser.get(f"{page}/edit").text
    refused = browser.post(f"{page}/publish")
    assert refused.status_code == 422
    assert "It would be over before it is sent." in refused.text


def test_a_program_writes_publishes_and_corrects(signed_in, shops):
    program = signed_in("planner")
    program.headers["Accept"] = "application/json"
    words = {"title": {"zh": "通知", "en": "Notice"}, "body": {"zh": "正文", "en": "Body"}}
    made = program.post("/api/v1/announcements", json={"sort": "notice", "audience": {"routes": ["south"]}, **words})
    assert made.status_code == 201
    address = f"/api/v1/announcements/{made.json()['id']}"
    draft = {"sort": "policy", "audience": {"routes": ["south"]}, **words}
    assert program.put(address, json=draft).status_code == 204
    assert program.post(f"{address}/publish").json() == {"sent": 1}
    assert program.put(address, json=draft).status_code == 409
    corrected = program.post(f"{address}/correct", json=words | {"note": {"zh": "错字", "en": "a typing mistake"}})
    assert corrected.json() == {"version": 2}
    assert program.get(address).json()["sort"] == "policy"
    assert [one["sent"] for one in program.get("/api/v1/announcements").json()] == [1]
    assert program.post("/api/v1/announcements", json={"sort": "gossip", **words}).status_code == 422


def test_who_may_not_plan_may_look(signed_in, shops):
    page = written(signed_in("planner"))
    browser = signed_in("administrator")
    assert browser.get(page).status_code == 200
    assert browser.post(f"{page}/publish").status_code == 403
    assert browser.get("/console/announcements/new").status_code == 403
