"""The second factor: codes that count once, recovery codes, who must have one, and what a thief of a password gets."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from contract.errors import Rejected
from server.kit import sealing
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.operators import queries, second_factor, service
from server.operators.models import OperatorSession, RecoveryCode, TotpSecret

PASSWORD = "seven quiet herons wade"


@pytest.fixture
def person(session: Session, clock: Any) -> int:
    """Somebody with an app; its codes come from :func:`code_of`."""
    made = service.add_operator(session, "ann", ["releaser"], by=SYSTEM, at=clock()).id
    second_factor.begin(session, made, issuer="Evenhand", at=clock())
    return made


def code_of(session: Session, person: int, clock: Any, *, steps: int = 0) -> str:
    row = session.get_one(TotpSecret, person)
    return pyotp.TOTP(sealing.of(session).opened(f"totp:{person}", row.sealed_secret)).at(clock(), counter_offset=steps)


def test_a_secret_counts_once_a_code_of_it_was_shown(session: Session, clock: Any, person: int) -> None:
    with pytest.raises(Rejected, match="The code is wrong"):
        second_factor.confirm(session, person, "000000", at=clock())
    assert not queries.has_second_factor(session, person)

    codes = second_factor.confirm(session, person, code_of(session, person, clock), at=clock())

    assert queries.has_second_factor(session, person)
    assert len(set(codes)) == second_factor.RECOVERY_CODES == second_factor.codes_left(session, person)


def test_a_code_counts_once_and_within_a_step_of_the_clock(session: Session, clock: Any, person: int) -> None:
    second_factor.confirm(session, person, code_of(session, person, clock), at=clock())
    for wrong in (
        code_of(session, person, clock),
        code_of(session, person, clock, steps=2),
        "",
        "12345",
        "１２３４５６",
    ):
        with pytest.raises(Rejected, match="The code is wrong"):
            second_factor.check(session, person, wrong, at=clock())
    clock.now += timedelta(seconds=60)
    newer, older = code_of(session, person, clock), code_of(session, person, clock, steps=-1)
    assert second_factor.check(session, person, f"{newer[:3]} {newer[3:]}", at=clock()) == "totp"
    with pytest.raises(Rejected, match="The code is wrong"):
        second_factor.check(session, person, older, at=clock())


def test_a_recovery_code_works_once_and_is_kept_as_a_hash(session: Session, clock: Any, person: int) -> None:
    code = second_factor.confirm(session, person, code_of(session, person, clock), at=clock())[0]
    kept = session.scalars(select(RecoveryCode.code_sha256)).all()
    assert all(len(one) == 32 and code.encode() not in one for one in kept)

    assert second_factor.check(session, person, code.upper().replace("-", " "), at=clock()) == "recovery"

    with pytest.raises(Rejected, match="The code is wrong"):
        second_factor.check(session, person, code, at=clock())
    assert second_factor.codes_left(session, person) == second_factor.RECOVERY_CODES - 1


def test_new_recovery_codes_make_the_old_ones_void(session: Session, clock: Any, person: int) -> None:
    old = second_factor.confirm(session, person, code_of(session, person, clock), at=clock())
    new = second_factor.renew_codes(session, person, old[0], at=clock())
    assert not set(old) & set(new)
    with pytest.raises(Rejected, match="The code is wrong"):
        second_factor.check(session, person, old[1], at=clock())


@pytest.fixture
def with_app(runtime: Runtime, clock: Any) -> str:
    """The secret of somebody who signs in with password and app."""
    with transaction(runtime.sessions) as session:
        made = service.add_operator(session, "ann", ["releaser"], by=SYSTEM, at=clock())
        service.change_password(session, made, present="", new=PASSWORD, token="", at=clock())
        secret = second_factor.begin(session, made.id, issuer="Evenhand", at=clock()).secret
        second_factor.confirm(session, made.id, pyotp.TOTP(secret).at(clock()), at=clock())
    clock.now += timedelta(minutes=2)
    return secret


def test_the_password_alone_opens_nothing(app_client: TestClient, with_app: str, runtime: Runtime, clock: Any) -> None:
    app_client.headers.update({"Accept": "text/html", "Accept-Language": "en"})
    page = app_client.post("/console/sign-in", data={"name": "ann", "password": PASSWORD, "next": "/console/cycles"})
    assert (page.status_code, "/console/sign-in/second" in page.text) == (200, True)
    half = app_client.cookies["evenhand"]
    assert app_client.get("/console/", follow_redirects=False).headers["location"].startswith("/console/sign-in")
    assert app_client.get("/api/v1/cycles", headers={"Accept": "application/json"}).status_code == 401

    wrong = app_client.post("/console/sign-in/second", data={"code": "000000"})
    assert (wrong.status_code, "The code is wrong" in wrong.text) == (401, True)

    code = pyotp.TOTP(with_app).at(clock())
    opened = app_client.post(
        "/console/sign-in/second", data={"code": code, "next": "/console/cycles"}, follow_redirects=False
    )
    assert (opened.status_code, opened.headers["location"]) == (303, "/console/cycles")
    assert app_client.cookies["evenhand"] != half  # what a thief may have planted or seen is worth nothing now
    with transaction(runtime.sessions) as session:
        assert queries.waiting_for_second_factor(session, half, clock()) is None
        assert len(session.scalars(select(OperatorSession)).all()) == 1


def test_a_half_session_ends_after_five_minutes(app_client: TestClient, with_app: str, clock: Any) -> None:
    app_client.headers["Accept"] = "text/html"
    app_client.post("/console/sign-in", data={"name": "ann", "password": PASSWORD})
    clock.now += timedelta(seconds=service.SECOND_FACTOR_TTL_S)
    late = app_client.post("/console/sign-in/second", data={"code": pyotp.TOTP(with_app).at(clock())})
    assert (late.status_code, 'name="password"' in late.text) == (401, True)


def test_who_guesses_codes_has_to_wait(app_client: TestClient, with_app: str) -> None:
    app_client.headers["Accept"] = "application/json"
    app_client.post("/console/sign-in", data={"name": "ann", "password": PASSWORD})
    said = [app_client.post("/console/sign-in/second", data={"code": "000000"}).status_code for _ in range(11)]
    assert said == [401] * 10 + [429]


def test_a_link_does_not_get_around_the_app(
    app_client: TestClient, with_app: str, runtime: Runtime, clock: Any
) -> None:
    with transaction(runtime.sessions) as session:
        token = service.make_link(session, "ann", ttl_s=900, by=SYSTEM, at=clock())
    page = app_client.post(f"/console/sign-in/link/{token}", headers={"Accept": "text/html"})
    assert "/console/sign-in/second" in page.text
    assert app_client.get("/api/v1/cycles", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize(
    ("role", "demo", "opens"),
    [("releaser", False, False), ("administrator", False, False), ("planner", False, True), ("releaser", True, True)],
)
def test_administrators_and_releasers_set_one_up_before_anything_opens(
    role: str,
    demo: bool,  # noqa: FBT001 - a case
    opens: bool,  # noqa: FBT001 - a case
    runtime: Runtime,
    app_client: TestClient,
    signed_in: Callable[..., TestClient],
    clock: Any,
) -> None:
    browser = signed_in(role)
    asked = runtime.settings.model_copy(update={"second_factor_required": True, "demo": demo})
    object.__setattr__(runtime, "settings", asked)
    first = browser.get("/console/")
    assert first.status_code == (200 if opens else 303)
    assert browser.get("/api/v1/cycles", headers={"Accept": "application/json"}).status_code == (200 if opens else 403)
    if opens:
        return
    assert first.headers["location"] == "/console/account"
    assert "Set it up" in browser.get("/console/account").text
    shown = browser.post("/console/account/second-factor/begin").text
    secret = re.sub(r"\s", "", re.search(r"<code>([A-Z2-7 ]+)</code>", shown)[1])  # type: ignore[index] # it is there
    codes = browser.post("/console/account/second-factor", data={"code": pyotp.TOTP(secret).at(clock())})
    assert codes.text.count("<li><code>") == second_factor.RECOVERY_CODES
    assert browser.get("/console/").status_code == 200


def test_an_administrator_removes_a_lost_factor_and_all_sessions_end(
    signed_in: Callable[..., TestClient], with_app: str, runtime: Runtime, clock: Any
) -> None:
    boss = signed_in("administrator")
    with transaction(runtime.sessions) as session:
        ann = queries.operator(session, "ann", at=clock())
        service.open_session(session, "ann", remote="test", ttl_s=3600, at=clock())
    assert ann is not None
    assert ann.second_factor
    assert boss.post(f"/console/operators/{ann.id}/second-factor/remove").status_code == 303
    with transaction(runtime.sessions) as session:
        after = queries.operator(session, "ann", at=clock())
    assert after is not None
    assert not after.second_factor
    assert after.sessions == 0
    assert "operator.second_factor_removed" in boss.get("/console/audit?alert=yes").text
