"""A form does its act once: what was sent before leads to where it led then, and nothing is done twice."""

import re
import threading
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import func, select

import server
from contract.errors import Conflict
from server.announcements.models import AnnouncementRow
from server.kit import http, sent_forms
from server.kit.db import transaction
from server.kit.http import of_people
from server.kit.sent_forms import SentBeforeError, SentForm
from server.operators.models import SignInLink

FORM = {
    "sort": "notice",
    "title_zh": "通知",
    "title_en": "Notice",
    "body_zh": "请看。",
    "body_en": "Look.",
    "audience": "all",
}
POST_FORM = re.compile(r"<form\b[^>]*method=\"post\".*?</form>", re.DOTALL)
OF_NOBODY_YET = {"_passkey_sign_in.html", "link.html", "second_step.html", "sign_in.html"}
"""Forms that are sent before anybody is signed in: a link and a code count once by themselves, a password is no act."""


def number_in(page: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', page.partition('class="form"')[2])
    assert found, "the page's form has no number"
    return unescape(found[1])


def count(sessions: Any, table: Any) -> int:
    with transaction(sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def sending(held: bytes = b"a", number: str = "n", person: int = 1) -> sent_forms.Sending:
    return sent_forms.Sending(person, number, "/console/x", held.ljust(32))


def test_a_second_sending_leads_where_the_first_did_and_writes_nothing(signed_in, sessions):
    browser = signed_in("planner")
    form = FORM | {"once": number_in(browser.get("/console/announcements/new").text)}
    first, second = (browser.post("/console/announcements", data=form) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert count(sessions, AnnouncementRow) == 1
    assert "Nothing was done twice." in browser.get(second.headers["Location"]).text


def test_going_back_and_sending_something_else_is_refused_and_what_was_typed_is_shown(signed_in, sessions):
    browser = signed_in("planner")
    form = FORM | {"once": number_in(browser.get("/console/announcements/new").text)}
    browser.post("/console/announcements", data=form)
    other = browser.post("/console/announcements", data=form | {"body_en": "Look at this instead."})
    assert other.status_code == 409
    assert "Look at this instead." in other.text
    assert count(sessions, AnnouncementRow) == 1


def test_a_form_that_was_refused_may_be_sent_again(signed_in, sessions):
    browser = signed_in("planner")
    number = number_in(browser.get("/console/announcements/new").text)
    refused = browser.post("/console/announcements", data=FORM | {"once": number, "title_en": ""})
    assert refused.status_code == 422
    assert number_in(refused.text) != number
    assert browser.post("/console/announcements", data=FORM | {"once": number}).status_code == 303
    assert count(sessions, AnnouncementRow) == 1


def test_an_act_that_answers_with_a_page_is_not_done_twice_either(signed_in, sessions):
    browser = signed_in("administrator")
    form = {"name": "eve", "roles": "planner", "once": number_in(browser.get("/console/operators").text)}
    came_from = {"Referer": "http://testserver/console/operators?page=1"}
    first, second = (browser.post("/console/operators", data=form, headers=came_from) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 303)
    assert second.headers["Location"] == "/console/operators?page=1"
    assert count(sessions, SignInLink) == 1


def test_two_at_the_same_time_wait_for_each_other(sessions, clock):
    outcomes: list[str] = []

    def send_again() -> None:
        with sessions() as session:
            try:
                sent_forms.claim(session, sending(), at=clock())
            except SentBeforeError as before:
                outcomes.append(before.led_to)

    with transaction(sessions) as session:
        sent_forms.claim(session, sending(), at=clock())
        second = threading.Thread(target=send_again)
        second.start()
        sent_forms.settle(session, sending(), "/console/there", at=clock())
    second.join(timeout=30)
    assert outcomes == ["/console/there"]


def test_a_number_is_one_persons_and_is_freed_where_nothing_was_done(sessions, clock):
    with transaction(sessions) as session:
        sent_forms.claim(session, sending(), at=clock())
        sent_forms.settle(session, sending(), None, at=clock())
        sent_forms.claim(session, sending(), at=clock())
        sent_forms.claim(session, sending(person=2), at=clock())
        with pytest.raises(Conflict):
            sent_forms.claim(session, sending(b"b"), at=clock())


def test_numbers_are_forgotten_after_a_week(sessions, clock):
    with transaction(sessions) as session:
        sent_forms.claim(session, sending(number="old"), at=clock() - sent_forms.KEPT - timedelta(seconds=1))
        sent_forms.claim(session, sending(number="new"), at=clock())
        sent_forms.forget_old(session, clock())
        assert session.scalars(select(SentForm.number)).all() == ["new"]


def test_every_form_of_the_templates_that_changes_something_has_a_number():
    without, forms = set(), 0
    for template in sorted(Path(server.__path__[0]).rglob("templates/**/*.html")):
        text = template.read_text()
        for form in POST_FORM.findall(text):
            forms += 1
            if "csrf_field()" not in form:
                without.add(template.name)
    assert forms > 90
    assert without == OF_NOBODY_YET


def test_every_address_that_a_form_is_sent_to_can_keep_its_number(app_client):
    """The number is kept in the transaction of the act: a route without one could not."""
    posts = [
        route for route in of_people(app_client.app) if route.path.startswith("/console/") and "POST" in route.methods
    ]
    assert len(posts) > 90
    assert [route.path for route in posts if not _has_transaction(route)] == []


def _has_transaction(route: Any) -> bool:
    opens = get_args(http.Db)[1].dependency
    committed_at_the_edge = hasattr(route.endpoint, "__wrapped__")
    return committed_at_the_edge and any(one.call is opens for one in route.dependant.dependencies)
