"""How a terminal is let in: it asks until it is decided, shows what is to be compared, and keeps what it has."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from till import OURS, Till

from contract.device_api import Certified, Enrolment
from contract.errors import Rejected
from contract.signing import shown
from terminal_client.core import enrolment
from terminal_client.core.ports import NewKey, NotReachedError
from terminal_client.core.renewing import LOOKS_EVERY_MS, TRIES_AGAIN_MS, Renewer
from terminal_client.core.server_clock import instant

CODE = "K7QX2M4P"


@dataclass
class Keys:
    """Keys in memory, numbered."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def make(self) -> NewKey:
        key = f"{len(self.made):02x}" * 32
        self.made.append(key)
        self.kept.append(key)
        return NewKey(key, f"request for {key}")

    def keep_only(self, keys: Any) -> None:
        self.kept = [key for key in self.kept if key in set(keys)]


@pytest.fixture
def fresh(tmp_path: Path, make: Any) -> Iterator[Till]:
    till = Till(tmp_path / "terminal", make)
    till.terminal.keys = Keys()
    yield till
    till.terminal.close()


def answers(till: Till, monkeypatch: pytest.MonkeyPatch, state: str, **more: Any) -> list[dict[str, Any]]:
    """Let the server answer each enrolment so; return what it is asked."""
    asked: list[dict[str, Any]] = []

    def enrol(_url: str, code: str, **said: Any) -> Enrolment:
        asked.append({"code": code} | said)
        now = till.server.now()
        return Enrolment(state=state, fingerprint="ab" * 32, expires_at=now, server_time=now, **more)

    monkeypatch.setattr("terminal_client.app.enrol", enrol)
    return asked


def test_it_shows_what_is_to_be_compared_until_somebody_lets_it_in(fresh: Till, monkeypatch: Any) -> None:
    asked = answers(fresh, monkeypatch, "waiting")
    sent = fresh.client.post("/enrol", data={"code": CODE}, headers=OURS)
    assert sent.headers["Location"] == "/enrol"
    page = fresh.client.get("/enrol").text
    assert shown(fresh.terminal.keys.made[0]) in page
    assert "Call and read out these signs" in page
    answers(fresh, monkeypatch, "confirmed", enrolled=fresh.make.enrolled(fresh.server.now()))
    assert fresh.terminal.look_at_enrolment() is None
    identity = fresh.store.identity()
    assert identity.key == fresh.terminal.keys.made[0]
    assert fresh.client.get("/enrol", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/order"
    assert asked[0]["csr"] == f"request for {identity.key}"


def test_it_goes_on_asking_with_the_same_key_after_a_restart(fresh: Till, monkeypatch: Any) -> None:
    asked = answers(fresh, monkeypatch, "waiting")
    fresh.terminal.enrol(CODE)
    fresh.terminal.enrol(CODE)
    assert fresh.terminal.look_at_enrolment().state == "waiting"
    assert len({one["csr"] for one in asked}) == 1
    assert len(fresh.terminal.keys.made) == 1


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("refused", "not from us", "not from us"),
        ("refused", "", "No reason was given"),
        ("expired", "", "ask for a new code"),
    ],
)
def test_who_is_not_let_in_reads_why_and_may_use_another_code(
    fresh: Till, monkeypatch: Any, state: str, reason: str, words: str
) -> None:
    answers(fresh, monkeypatch, state, reason=reason)
    fresh.terminal.enrol(CODE)
    assert words in fresh.client.get("/enrol").text
    assert fresh.client.post("/enrol/give-up", headers=OURS).headers["Location"] == "/enrol"
    assert "Which shop is this?" in fresh.client.get("/enrol").text
    assert fresh.terminal.keys.kept == []


def test_a_refused_code_leaves_no_key_behind(fresh: Till, monkeypatch: Any) -> None:
    def enrol(*_words: object, **_more: object) -> Enrolment:
        raise Rejected("code_unknown")

    monkeypatch.setattr("terminal_client.app.enrol", enrol)
    with pytest.raises(Rejected):
        fresh.terminal.enrol(CODE)
    assert (fresh.terminal.keys.kept, enrolment.pending(fresh.store)) == ([], None)


def test_a_forgotten_pin_goes_when_the_distributor_confirms_not_before(fresh: Till, monkeypatch: Any) -> None:
    fresh.open()
    fresh.terminal.door.set_pin("owner", "4711")
    answers(fresh, monkeypatch, "waiting")
    assert fresh.client.post("/lock/forgotten", data={"code": CODE}, headers=OURS).headers["Location"] == "/enrol"
    assert fresh.terminal.door.has("owner")
    answers(fresh, monkeypatch, "confirmed", enrolled=fresh.make.enrolled(fresh.server.now()))
    fresh.terminal.look_at_enrolment()
    assert not fresh.terminal.door.has("owner")


# The certificate


@dataclass
class Wire:
    """A server that says of certificates what it is told to."""

    told: Certified
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def look_at_certificate(self) -> Certified:
        if self.away:
            raise NotReachedError("away")
        return self.told

    def renew_certificate(self, csr: str) -> Certified:
        self.asked.append(csr)
        return self.told.model_copy(update={"certificate": "the next"})


@pytest.fixture
def renewing(fresh: Till) -> tuple[Till, Wire, Renewer, list[int]]:
    now = fresh.server.now()
    key = fresh.terminal.keys.make().key
    told = Certified(certificate="first", authorities="one", expires_at=now, renew_at=now + timedelta(days=200))
    fresh.store.keep_identity(fresh.make.enrolled(now).model_copy(update={"certified": told}), key)
    wire, renewed = Wire(told), []
    fresh.terminal.clock.learn(fresh.clock.wall_ms(), 10)
    renewer = Renewer(fresh.store, fresh.terminal.keys, wire, fresh.terminal.clock, lambda: renewed.append(1))
    return fresh, wire, renewer, renewed


def test_it_is_renewed_when_two_thirds_of_its_life_are_over_with_a_key_of_its_own(renewing: Any) -> None:
    till, wire, renewer, renewed = renewing
    before = till.store.identity()
    assert renewer.step() == LOOKS_EVERY_MS
    assert (till.store.identity(), renewed) == (before, [])
    till.clock.forward(timedelta(days=201))
    renewer.step()
    after = till.store.identity()
    assert after.certificate == "the next"
    assert after.key != before.key
    assert set(till.terminal.keys.kept) == {before.key, after.key}, "the old one goes once the other way is taken"
    assert renewed == [1]
    assert wire.asked == [f"request for {after.key}"]


def test_another_authority_is_learned_by_the_signed_way_without_another_key(renewing: Any) -> None:
    till, wire, renewer, renewed = renewing
    wire.told = wire.told.model_copy(update={"authorities": "one and another"})
    renewer.step()
    assert till.store.identity().authorities == "one and another"
    assert (renewed, wire.asked) == ([1], [])


def test_a_server_that_is_away_changes_nothing(renewing: Any) -> None:
    till, wire, renewer, renewed = renewing
    wire.away = True
    before = till.store.identity()
    till.clock.forward(timedelta(days=201))
    assert renewer.step() == TRIES_AGAIN_MS
    assert (till.store.identity(), renewed) == (before, [])
    assert instant(before.renew_at_ms) == wire.told.renew_at
