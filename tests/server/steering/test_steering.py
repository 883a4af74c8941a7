"""Settings and commands of terminals on the server: versions, last words, many at once, and who may."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from devices import signing
from factories import NOW, make_device, make_retailer, send
from running import until
from sqlalchemy import event, text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import ReportCommand, ReportShadow
from server.kit import outbox
from server.kit.changing import ChangedMeanwhileError
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.steering import queries, rules, service

FLEET = Operator(1, "flo", frozenset({"fleet"}))
SignedIn = Callable[..., TestClient]


@pytest.fixture
def till(session: Session) -> Sender:
    make_retailer(session, "R1")
    return make_device(session, "R1")


def want(session: Session, device: str, **settings: str | None) -> None:
    changes = {name: None if value is None else rules.Wanted(value, held=True) for name, value in settings.items()}
    service.set_desired(session, [device], changes, FLEET, at=NOW)


def report(session: Session, sender: Sender, version: int, applied: int, **state: str) -> None:
    send(session, sender, "device.shadow", ReportShadow(version=version, applied=applied, state=state))


def say(session: Session, sender: Sender, command: UUID, state: str, **said: object) -> None:
    send(session, sender, "command.state", ReportCommand.model_validate({"command": command, "state": state, **said}))


def until_somebody_waits(sessions: sessionmaker[Session]) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def some() -> bool:
        with transaction(sessions) as session:
            return bool(session.scalar(waiting))

    until("somebody waits for what another transaction holds", some, within_s=9)


def stands(session: Session, command: UUID) -> tuple[str, str]:
    found = queries.command(session, command)
    assert found is not None
    return found.state, found.reason


def test_the_difference_between_wanted_and_reported_is_known_by_versions(session: Session, till: Sender) -> None:
    want(session, till.device, language="en", theme="dark")
    assert queries.shadow(session, till.device).difference("language") == "under_way"

    report(session, till, 2, 1, language="en", theme="light", size="large")
    shadow = queries.shadow(session, till.device)
    assert shadow.delta == {"theme": "dark"}
    assert [shadow.difference(name) for name in ("language", "theme", "size")] == ["as_wanted", "own_choice", "free"]

    report(session, till, 1, 0, language="zh")  # late
    report(session, till, 2, 0, language="zh")  # the same version again
    assert queries.shadow(session, till.device).reported["language"] == "en"

    want(session, till.device, theme=None, sound="off")
    shadow = queries.shadow(session, till.device)
    assert (shadow.desired_version, sorted(shadow.desired)) == (2, ["language", "sound"])
    assert {name: one["version"] for name, one in shadow.desired.items()} == {"language": 1, "sound": 2}
    (item,) = outbox.current(session, "R1", "desired:")
    assert item.data["version"] == 2


def test_who_saw_another_version_is_told_and_nothing_is_written(session: Session, till: Sender) -> None:
    want(session, till.device, language="en")
    with pytest.raises(ChangedMeanwhileError):
        service.set_desired(session, [till.device], {"size": rules.Wanted("large")}, FLEET, at=NOW, seen=0)
    for changes in ({"lamp": rules.Wanted("on")}, {"size": rules.Wanted("huge")}):
        with pytest.raises(Rejected):
            service.set_desired(session, [till.device], changes, FLEET, at=NOW)
    assert sorted(queries.shadow(session, till.device).desired) == ["language"]


def test_a_command_goes_out_in_the_list_of_its_terminal_and_ends_with_its_word(session: Session, till: Sender) -> None:
    (first,) = service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)
    (second,) = service.issue(session, [till.device], "diagnose", FLEET, at=NOW, minutes=10)
    (item,) = outbox.current(session, "R1", "commands:")
    assert [one["command"] for one in item.data["commands"]] == [str(first), str(second)]

    say(session, till, second, "in_progress")
    say(session, till, second, "succeeded", facts={"disk": "1 GB"}, log=["a line"])
    say(session, till, second, "failed")  # a second last word
    say(session, till, uuid7(), "succeeded")  # nobody asked for it
    assert stands(session, second) == ("succeeded", "")
    found = queries.command(session, second)
    assert found is not None
    assert found.brought == {"facts": {"disk": "1 GB"}, "log": ["a line"]}
    service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)
    (item,) = outbox.current(session, "R1", "commands:")
    assert str(second) not in str(item.data)


def test_of_two_askings_at_once_both_reach_the_terminal(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        device = make_device(session, "R1").device

    def ask(kind: str) -> None:
        with transaction(sessions) as session:
            service.issue(session, [device], kind, FLEET, at=NOW, minutes=5)

    second = threading.Thread(target=ask, args=("sync",))
    with transaction(sessions) as session:
        service.issue(session, [device], "identify", FLEET, at=NOW, minutes=5)
        second.start()
        until_somebody_waits(sessions)
    second.join(timeout=30)
    with transaction(sessions) as session:
        (item,) = outbox.current(session, "R1", f"commands:{device}")
        assert sorted(one["kind"] for one in item.data["commands"]) == ["identify", "sync"]


def test_of_two_who_set_a_terminal_for_the_first_time_the_second_is_told(
    sessions: sessionmaker[Session],
) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        device = make_device(session, "R1").device
    refused: list[ChangedMeanwhileError] = []

    def set_theme() -> None:
        try:
            with transaction(sessions) as session:
                changes = {"theme": rules.Wanted("dark", held=True)}
                service.set_desired(session, [device], changes, FLEET, at=NOW, seen=0)
        except ChangedMeanwhileError as error:
            refused.append(error)

    second = threading.Thread(target=set_theme)
    with transaction(sessions) as session:
        changes = {"language": rules.Wanted("en", held=True)}
        service.set_desired(session, [device], changes, FLEET, at=NOW, seen=0)
        second.start()
        until_somebody_waits(sessions)
    second.join(timeout=30)
    assert len(refused) == 1
    with transaction(sessions) as session:
        assert set(queries.shadow(session, device).desired) == {"language"}


def test_a_terminal_answers_for_itself_alone(session: Session, till: Sender) -> None:
    make_retailer(session, "R2")
    stranger = make_device(session, "R2")
    (command,) = service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)
    say(session, stranger, command, "succeeded")
    assert stands(session, command) == ("sent", "")


def test_what_is_not_answered_in_time_ends_and_the_terminals_own_late_word_stands(
    session: Session, till: Sender
) -> None:
    given = [service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)[0] for _ in range(3)]
    say(session, till, given[1], "in_progress")
    service.call_one_back(session, given[2], FLEET, at=NOW)
    service.keep_time(session, NOW + timedelta(minutes=10, seconds=30))
    assert [stands(session, one)[0] for one in given] == ["sent", "in_progress", "sent"]

    service.keep_time(session, NOW + timedelta(minutes=11, seconds=1))
    session.expire_all()
    assert [stands(session, one) for one in given] == [
        ("expired", "not_heard"),
        ("timed_out", "not_finished"),
        ("cancelled", "called_back"),
    ]
    say(session, till, given[0], "in_progress")
    say(session, till, given[1], "succeeded")
    assert [stands(session, one)[0] for one in given] == ["expired", "succeeded", "cancelled"]


def test_what_the_time_ended_can_be_called_back_until_the_terminal_answers(session: Session, till: Sender) -> None:
    begun, unheard, done = (
        service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)[0] for _ in range(3)
    )
    say(session, till, begun, "in_progress")
    say(session, till, done, "expired", reason="too_late")
    later = NOW + timedelta(minutes=12)
    service.keep_time(session, later)
    session.expire_all()
    assert service.call_back(session, [begun, unheard, done], at=later) == 1, "one terminal"
    with pytest.raises(Conflict):
        service.call_one_back(session, done, FLEET, at=later)

    def told() -> dict[str, bool]:
        (item,) = outbox.current(session, "R1", "commands:")
        return {one["command"]: one["called_back"] for one in item.data["commands"]}

    assert told() == {str(begun): True, str(unheard): True}
    for _ in range(15):
        fresh = service.issue(session, [till.device], "sync", FLEET, at=later, minutes=10)[0]
    assert (len(told()), told()[str(fresh)], str(unheard) in told()) == (16, False, True)
    say(session, till, unheard, "cancelled", reason="called_back")
    fresh = service.issue(session, [till.device], "sync", FLEET, at=later, minutes=10)[0]
    assert (len(told()), str(fresh) in told(), str(unheard) in told()) == (16, True, False)
    assert stands(session, unheard) == ("cancelled", "called_back")


def test_a_full_list_refuses_one_and_passes_over_a_terminal_among_many(session: Session, till: Sender) -> None:
    make_retailer(session, "R2")
    other = make_device(session, "R2")
    for _ in range(16):
        service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)
    with pytest.raises(Rejected, match="16 open commands"):
        service.issue(session, [till.device], "sync", FLEET, at=NOW, minutes=10)
    full, fine = service.issue(session, [till.device, other.device], "sync", FLEET, at=NOW, minutes=10)
    assert (stands(session, full), stands(session, fine)) == (("rejected", "too_many_open"), ("sent", ""))


def test_a_command_to_many_terminals_costs_a_few_statements(session: Session, sessions: sessionmaker[Session]) -> None:
    def statements_for(count: int) -> int:
        counted: list[str] = []
        names = [make_device(session, make_retailer(session, f"S{count}-{n}")).device for n in range(count)]
        connection = session.connection()

        def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            counted.append(statement)

        event.listen(connection, "before_cursor_execute", listen)
        service.issue(session, names, "sync", FLEET, at=NOW, minutes=10)
        service.set_desired(session, names, {"size": rules.Wanted("large")}, FLEET, at=NOW)
        event.remove(connection, "before_cursor_execute", listen)
        return len(counted)

    assert statements_for(250) <= statements_for(2) + 8


def test_programs_set_and_ask_and_read_what_came_of_it(
    signed_in: SignedIn, app_client: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        till = make_device(session, "R1")
    flo, ann = signed_in("fleet", name="flo"), signed_in("auditor", name="ann")
    place = "/api/v1/steering"
    wanted = {"devices": [till.device], "settings": {"log_level": {"value": "debug"}}, "seen": 0}
    assert ann.post(f"{place}/settings", json=wanted).status_code == 403
    assert flo.post(f"{place}/settings", json=wanted).status_code == 204
    assert flo.post(f"{place}/settings", json=wanted).json()["code"] == "changed_meanwhile"
    assert ann.get(f"{place}/{till.device}/shadow").json()["delta"] == {"log_level": "debug"}

    body = {"devices": [till.device], "kind": "identify", "minutes": 5}
    (command,) = flo.post(f"{place}/commands", json=body).json()["commands"]
    assert flo.post(f"{place}/commands", json=body | {"kind": "dance"}).json()["code"] == "command_unknown"
    assert flo.post(f"{place}/commands", json=body | {"kind": "update"}).json()["code"] == "command_params"
    feed = app_client.get("/device/v1/feed", auth=signing(till.device)).json()
    assert [item["kind"] for item in feed["items"]] == ["desired", "commands"]
    assert flo.post(f"{place}/commands/{command}/call-back").status_code == 204
    update = {"devices": [till.device], "kind": "update", "params": {"release": "0.3.0"}}
    (given,) = flo.post(f"{place}/commands", json=update).json()["commands"]
    with transaction(sessions) as session:
        found = queries.command(session, UUID(given))
        assert found is not None
        assert found.expires_at - found.issued_at == timedelta(days=2)
    listed = ann.get(f"{place}/{till.device}/commands").json()
    assert [(one["id"], one["called_back_at"] is not None) for one in listed] == [(given, False), (command, True)]


def test_a_person_sets_asks_and_sees_on_one_page(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        till = make_device(session, "R1")
        report(session, till, 1, 0, language="zh", theme="auto")
    flo, place = signed_in("fleet", name="flo"), f"/console/steering/{till.device}"
    page = flo.get(place).text
    assert "It was asked nothing yet" in page
    form = {"seen": "0", "theme": "dark", "theme_held": "yes"}
    assert flo.post(f"{place}/settings", data=form).status_code == 303
    assert "on its way" in flo.get(place).text
    assert flo.post(f"{place}/commands", data={"kind": "update"}).status_code == 422
    assert flo.post(f"{place}/commands", data={"kind": "diagnose", "minutes": "60"}).status_code == 303
    with transaction(sessions) as session:
        (command,) = queries.commands(session, till.device)
        say(session, till, command.id, "succeeded", facts={"disk": "1 GB"}, log=["WARNING a line"])
        report(session, till, 2, 1, language="zh", theme="dark")
    page = flo.get(place).text
    assert ("succeeded" in page, "as wanted" in page) == (True, True)
    assert "WARNING a line" in flo.get(f"{place}/commands/{command.id}").text
    assert signed_in("auditor", name="ann").post(f"{place}/settings", data=form).status_code == 403
    assert signed_in("manager", name="max").get(place).status_code == 403
