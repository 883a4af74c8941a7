"""Signing in and out, one's account, people and the audit, in a browser."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from factories import NOW
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.app import create_app
from server.kit import audit, audit_trail
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor
from server.kit.runtime import Runtime
from server.operators import cli, service

SignedIn = Callable[..., TestClient]
GOOD = "eleven geese by the weir"
ROOMS = ("/console/", "/console/account", "/console/operators", "/console/operators/1", "/console/audit")


@pytest.fixture
def browser(app_client: TestClient) -> TestClient:
    """A browser of which nobody is known yet."""
    fresh = TestClient(app_client.app, follow_redirects=False)
    fresh.headers["Accept"] = "text/html"
    fresh.cookies.set("lang", "en")
    return fresh


@pytest.fixture
def ann(sessions: sessionmaker[Session]) -> str:
    """A planner with a password."""
    with transaction(sessions) as session:
        added = service.add_operator(session, "ann", ["planner"], by=SYSTEM, at=NOW)
        service.change_password(session, added, present="", new=GOOD, token="", at=NOW)
    return "ann"


def enter(browser: TestClient, name: str = "ann", password: str = GOOD, **more: str) -> "object":
    return browser.post("/console/sign-in", data={"name": name, "password": password, **more})


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name} in {page[-2000:]}"
    return html.unescape(found[1])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_screen_shows_in_both_languages(language: str, signed_in: SignedIn) -> None:
    person = signed_in("administrator", "planner", "releaser", language=language)
    for path in ROOMS:
        answer = person.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text


# --- the way in


def test_a_page_leads_through_the_sign_in_back_to_itself(browser: TestClient, ann: str) -> None:
    asked = browser.get("/console/account?x=1")
    assert asked.status_code == 303
    form = browser.get(asked.headers["location"])
    assert form.status_code == 200
    entered = enter(browser, ann, next=field(form.text, "next"))
    assert (entered.status_code, entered.headers["location"]) == (303, "/console/account?x=1")
    assert browser.get("/console/account").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example/console/",
        "https://evil.example",
        "/\\evil.example",
        "/device/v1/time",
        "console",
        "",
        "/console",
    ],
)
def test_the_sign_in_leads_nowhere_else(browser: TestClient, ann: str, elsewhere: str) -> None:
    assert enter(browser, ann, next=elsewhere).headers["location"] == "/console/"


def test_a_wrong_password_keeps_the_name_and_says_so_in_words(browser: TestClient, ann: str) -> None:
    answer = enter(browser, ann, "a wrong password")
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert field(answer.text, "name") == ann
    assert "a wrong password" not in answer.text
    assert "set-cookie" not in answer.headers


def test_failed_attempts_are_written_down_though_they_failed(browser: TestClient, ann: str, session: Session) -> None:
    enter(browser, ann, "a wrong password")
    found, _ = audit_trail.search(session, audit_trail.Asked(action="operator.sign_in_failed"), limit=9)
    assert [entry.subject for entry in found] == ["operator:ann"]


def test_guessing_has_to_wait_and_is_alerted(browser: TestClient, ann: str, session: Session) -> None:
    for _ in range(10):
        assert enter(browser, ann, "a guess").status_code == 401
    blocked = enter(browser, ann)
    assert blocked.status_code == 429
    assert "Try again in" in blocked.text
    assert enter(browser, "bob").status_code == 401  # another account is not held up
    alerts, total = audit_trail.search(session, audit_trail.Asked(alerts=True), limit=9)
    assert (total, alerts[0].action, alerts[0].subject) == (1, "operator.guessing", "operator:ann")


def test_a_right_password_forgets_the_wrong_ones(browser: TestClient, ann: str) -> None:
    for _ in range(2):
        for _ in range(9):
            assert enter(browser, ann, "a guess").status_code == 401
        assert enter(browser, ann).status_code == 303


def test_one_address_cannot_guess_at_many_accounts(browser: TestClient) -> None:
    answers = {enter(browser, f"person{number}", "a guess").status_code for number in range(50)}
    assert answers == {401}
    assert enter(browser, "person99", "a guess").status_code == 429


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: TestClient, ann: str) -> None:
    cookie = enter(browser, ann).headers["set-cookie"]
    assert cookie.startswith("evenhand=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_over_tls_the_cookie_is_bound_to_this_host(runtime: Runtime, ann: str) -> None:
    with TestClient(create_app(runtime), base_url="https://evenhand.test", follow_redirects=False) as browser:
        cookie = enter(browser, ann).headers["set-cookie"]
        assert cookie.startswith("__Host-evenhand=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        assert browser.get("/console/account").status_code == 200


def test_behind_a_proxy_that_ends_tls_the_public_address_decides(runtime: Runtime, ann: str) -> None:
    public = replace(runtime, settings=runtime.settings.model_copy(update={"public_url": "https://evenhand.test"}))
    with TestClient(create_app(public), follow_redirects=False) as browser:
        ours = {"Origin": "https://evenhand.test"}
        answer = browser.post("/console/sign-in", data={"name": ann, "password": GOOD}, headers=ours)
        assert answer.headers["set-cookie"].startswith("__Host-evenhand=")


def test_a_sign_in_from_another_site_is_refused(browser: TestClient, ann: str) -> None:
    for origin in ("https://evil.example", "null", "http://testserver.evil.example"):
        answer = browser.post("/console/sign-in", data={"name": ann, "password": GOOD}, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_signing_in_again_ends_the_session_that_the_browser_had(browser: TestClient, ann: str) -> None:
    enter(browser, ann)
    first = browser.cookies["evenhand"]
    enter(browser, ann)
    assert browser.cookies["evenhand"] != first
    browser.cookies.clear()
    assert browser.get("/console/account", headers={"Cookie": f"evenhand={first}"}).status_code == 303


def test_a_link_signs_in_once_and_leads_to_choosing_a_password(
    browser: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        cli.add(session, "newcomer", ["releaser"], at=NOW)
        address = cli.link(session, "newcomer", base_url="http://testserver/", ttl_s=900, at=NOW)
    looked = browser.get(address)
    assert "Sign in as newcomer" in looked.text
    assert browser.get(address).status_code == 200  # looking does not use it up
    used = browser.post(address)
    assert (used.status_code, used.headers["location"]) == (303, "/console/account")
    assert "Choose a password" in browser.get("/console/account").text
    again = browser.post(address)
    assert again.status_code == 422
    assert "Ask an administrator for a new one" in again.text


# --- what was typed


def test_a_form_whose_session_was_over_is_kept_through_the_sign_in_and_sent_by_hand(
    signed_in: SignedIn, runtime: Runtime, clock: "object"
) -> None:
    person = signed_in("administrator", name="boss")
    typed = {"name": "Zoë & Söhne", "roles": ["planner", "releaser"], "csrf": "old", "password": "never kept"}
    person.cookies.delete("evenhand")
    stopped = person.post("/console/operators", data=typed)
    assert stopped.status_code == 401
    assert "what you typed is kept" in stopped.text
    assert "never kept" not in stopped.text
    with transaction(runtime.sessions) as session:
        link = service.make_link(session, "boss", ttl_s=60, by=SYSTEM, at=runtime.clock())
        opened = service.use_link(session, link, remote="", ttl_s=60, at=runtime.clock())
        service.change_password(session, opened.operator, present="", new=GOOD, token="", at=runtime.clock())
    carried = {key: field(stopped.text, key) for key in ("again_path", "again")}
    offered = enter(person, "boss", **carried)
    assert offered.status_code == 200
    assert "Nothing was done with it yet" in offered.text
    assert field(offered.text, "name") == "Zoë & Söhne"
    del person.headers["X-CSRF-Token"]
    sent = person.post(
        "/console/operators",
        data={"csrf": field(offered.text, "csrf"), "name": field(offered.text, "name"), "roles": ["planner"]},
    )
    assert sent.status_code == 200
    assert "Sign-in link for Zoë &amp; Söhne" in sent.text


def test_a_kept_form_leads_only_into_the_console(browser: TestClient, ann: str) -> None:
    for path in ("https://evil.example/console/", "//evil.example/console/x", "/device/v1/enrol", "/console/sign-out"):
        assert enter(browser, ann, again_path=path, again="a=1").status_code == 303


def test_an_htmx_request_without_a_session_sends_the_whole_page_to_the_sign_in(browser: TestClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/console/orders?q=1"}
    answer = browser.get("/console/windows", headers=headers)
    assert answer.headers["HX-Redirect"] == "/console/sign-in?next=%2Fconsole%2Forders%3Fq%3D1"
    foreign = browser.get("/console/windows", headers=headers | {"HX-Current-URL": "https://evil.example/console/"})
    assert foreign.headers["HX-Redirect"] == "/console/sign-in?next=%2Fconsole%2F"


# --- one's own account


def test_changing_the_password_says_what_is_wrong_beside_its_field(signed_in: SignedIn) -> None:
    person = signed_in("planner", name="ann")

    def change(**typed: str) -> tuple[int, str]:
        answer = person.post("/console/account/password", data=typed)
        return answer.status_code, answer.text

    assert change(new=GOOD, repeated="other")[0] == 422
    status, page = change(new="password1234", repeated="password1234")
    assert status == 422
    assert "easy to guess" in page
    assert change(new=GOOD, repeated=GOOD)[0] == 303
    status, page = change(new="nine herons on the pier", repeated="nine herons on the pier", present="guess")
    assert status == 422
    assert "The present password is wrong." in page


def test_a_session_that_guesses_at_the_password_has_to_wait(signed_in: SignedIn) -> None:
    person = signed_in("planner", name="ann")
    person.post("/console/account/password", data={"new": GOOD, "repeated": GOOD})
    guess = {"new": "nine herons on the pier", "repeated": "nine herons on the pier", "present": "guess"}
    answers = [person.post("/console/account/password", data=guess).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_signing_out_here_leaves_the_others_and_everywhere_ends_them(signed_in: SignedIn) -> None:
    here, there, elsewhere = (signed_in("planner", name="ann") for _ in range(3))
    assert here.post("/console/account/end-sessions").status_code == 303
    assert there.get("/console/account").status_code == 303
    assert here.get("/console/account").status_code == 200
    gone = here.post("/console/sign-out")
    assert gone.headers["location"] == "/console/sign-in"
    assert 'evenhand=""' in gone.headers["set-cookie"]
    assert here.get("/console/account").status_code == 303
    assert elsewhere.get("/console/account").status_code == 303


# --- people


def test_an_administrator_adds_a_person_who_comes_in_by_the_link(signed_in: SignedIn, browser: TestClient) -> None:
    boss = signed_in("administrator", name="boss")
    page = boss.post("/console/operators", data={"name": "ann", "roles": ["planner"]}).text
    found = re.search(r"http://testserver(/console/sign-in/link/[\w-]+)", page)
    assert found
    assert browser.post(found[1]).status_code == 303
    assert browser.get("/console/operators").status_code == 403
    people = boss.get("/console/operators?q=AN&role=planner")
    assert "ann</a>" in people.text
    assert "boss</a>" not in people.text


def test_what_cannot_be_is_said_on_the_page_and_nothing_is_lost(signed_in: SignedIn) -> None:
    boss = signed_in("administrator", name="boss")
    taken = boss.post("/console/operators", data={"name": "BOSS", "roles": ["planner"]})
    assert taken.status_code == 409
    assert "exists already" in taken.text
    assert field(taken.text, "name") == "BOSS"
    last = boss.post("/console/operators/1/disable")
    assert last.status_code == 422
    assert "last administrator" in last.text
    assert boss.get("/console/operators/99").status_code == 404


def test_roles_and_access_are_changed_and_hold_at_once(signed_in: SignedIn) -> None:
    boss, ann = signed_in("administrator", name="boss"), signed_in("planner", name="ann")
    assert ann.get("/console/audit").status_code == 403
    assert boss.post("/console/operators/2/roles", data={"roles": ["releaser"]}).status_code == 303
    assert ann.get("/console/audit").status_code == 200
    boss.post("/console/operators/2/end-sessions")
    assert ann.get("/console/audit").status_code == 303
    again = signed_in("releaser", name="ann")
    assert boss.post("/console/operators/2/disable").status_code == 303
    assert again.get("/console/audit").status_code == 303
    assert "disabled" in boss.get("/console/operators/2").text
    assert boss.post("/console/operators/2/enable").status_code == 303
    assert "operator.enabled" in boss.get("/console/operators/2").text


def test_people_are_taken_away_as_a_file(signed_in: SignedIn) -> None:
    answer = signed_in("administrator", name="boss").get("/console/operators?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="operators.csv"'
    assert "boss" in answer.text


# --- the audit


def note(session: Session, action: str, subject: str, *, actor: str = "ann", alert: bool = False) -> None:
    who = Actor("operator", actor)
    audit.record(session, actor=who, action=action, subject=subject, at=NOW, detail={"lines": 3}, alert=alert)


def test_the_audit_is_searched_by_actor_act_and_subject_and_shows_alerts_first(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        note(session, "message.id_reused", "message:77", alert=True)
        for number in range(1, 13):
            note(session, "order.placed", f"order:{number}", actor=f"person{number}")
    reader = signed_in("releaser", name="reader")
    page = reader.get("/console/audit").text
    assert page.index("Alerts first") < page.index("message #77") < page.index("order #12")
    exact = reader.get("/console/audit?q=order:1").text
    assert "order #1<" in exact
    assert "order #12" not in exact
    assert "person7" in reader.get("/console/audit?q=operator:person7").text
    assert "order #3" not in reader.get("/console/audit?alert=yes").text
    assert "message #77" not in reader.get("/console/audit?action=order.placed").text
    assert "signed_in" not in reader.get("/console/audit?actor=system:").text.split("<tbody", 1)[1]


def test_the_audit_is_narrowed_to_days_of_the_distributor(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        note(session, "order.placed", "order:1")
    reader, day = signed_in("releaser"), NOW.date()
    for first, last, is_there in (
        (day, day, True),
        (day + timedelta(days=1), "", False),
        ("", day - timedelta(days=1), False),
    ):
        page = reader.get(f"/console/audit?action=order.placed&first={first}&last={last}").text
        assert ("order #1<" in page) is is_there, (first, last)
    assert "order #1<" in reader.get("/console/audit?first=9999-12-31x&last=9999-12-31").text


def test_a_page_beyond_the_last_says_so_and_leads_back(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        note(session, "order.placed", "order:1")
    page = signed_in("releaser").get("/console/audit?page=999").text
    assert "There is no page 999" in page
    assert "There is nothing here yet" not in page


def test_the_audit_is_exported_as_it_was_searched(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        note(session, "order.placed", "order:1")
        note(session, "order.cancelled", "order:1")
    rows = signed_in("releaser").get("/console/audit?action=order.placed&format=csv").text.strip().splitlines()
    assert len(rows) == 2
    assert "operator:ann" in rows[1]
    assert "lines 3" in rows[1]


def test_an_empty_search_says_so(signed_in: SignedIn) -> None:
    assert "Nothing fits this search" in signed_in("releaser").get("/console/audit?q=nothing:here").text


# --- the first page


def test_the_first_page_shows_alerts_to_those_who_may_read_them(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        note(session, "message.id_reused", "message:77", alert=True)
    assert "used an id again for something else" in signed_in("releaser").get("/console/today/goods").text
    assert "used an id again for something else" not in signed_in("planner").get("/console/today/goods").text


def test_a_person_without_roles_sees_an_empty_day(signed_in: SignedIn) -> None:
    assert "Nothing needs you today" in signed_in().get("/console/").text


def test_of_a_person_whose_bounds_are_refused_nothing_is_kept(signed_in: SignedIn) -> None:
    admin = signed_in("administrator")
    for _ in range(2):
        page = admin.post("/console/operators", data={"name": "li wei", "roles": ["manager"], "regions": ["*"]})
        assert "already" not in page.text
        assert "/console/operators/" not in page.headers.get("location", "")
    assert "li wei" not in admin.get("/console/operators").text


def test_the_bare_address_leads_to_the_console(browser: TestClient) -> None:
    assert browser.get("/").headers["location"] == "/console/"


@pytest.mark.parametrize(("language", "said"), [("en", "There is nothing here"), ("zh", "这里什么也没有")])
def test_an_address_that_does_not_exist_is_a_page_for_a_person(signed_in: SignedIn, language: str, said: str) -> None:
    missed = signed_in("planner", language=language).get("/console/nowhere")
    assert missed.status_code == 404
    assert said in missed.text


def test_an_address_that_does_not_exist_is_json_for_a_program(app_client: TestClient) -> None:
    missed = app_client.get("/api/v1/nowhere")
    assert missed.status_code == 404
    assert missed.json() == {"detail": "Not Found"}
