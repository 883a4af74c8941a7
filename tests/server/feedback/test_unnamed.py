"""Said without a name: kept once, answered to a code, and by no table of the database to be led back to a shop."""

import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from factories import make_device, make_retailer
from overtaking import at_once

from contract.device_api import SayUnnamed
from server.feedback import unnamed
from server.feedback.models import UnnamedRow
from server.kit import outbox
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Operator
from server.kit.inbox import InboxEntry
from server.operators import service as operators

CODE = "AB2C3DE4FG5H6JK7"
HEAD = Operator(1, "head", frozenset({"administrator"}))


def said(**other: object) -> dict[str, object]:
    digest = hashlib.sha256(CODE.encode()).hexdigest()
    body = {
        "id": str(uuid4()),
        "kind": "complaint",
        "category": "other",
        "words": "Some get more",
        "code_sha256": digest,
    }
    return body | other


@pytest.fixture
def shop(sessions, clock):
    with transaction(sessions) as session:
        operators.add_operator(session, "head", ["administrator"], by=SYSTEM, at=clock())
        make_retailer(session, "R1")
        return make_device(session, "R1")


def counts(session) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = session.scalars(
        sa.text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    )
    return {name: session.scalar(sa.text(f'SELECT count(*) FROM "{name}"')) for name in tables}  # noqa: S608 - from the catalogue


def test_nothing_is_written_down_but_the_words_and_the_week(app_client, sessions, shop, clock):
    with transaction(sessions) as session:
        before = counts(session)
        known = {str(value) for row in session.execute(sa.select(InboxEntry)) for value in row}
    body = said()
    for _ in range(2):
        assert app_client.post("/device/v1/unnamed", json=body).status_code == 201
    with transaction(sessions) as session:
        after = counts(session)
        assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
            "feedback_unnamed": 1
        }
        row = session.scalars(sa.select(UnnamedRow)).one()
        columns = {column.name for column in UnnamedRow.__table__.columns}
        assert columns.isdisjoint({"retailer", "device", "at", "number", "remote"})
        assert (row.week.weekday(), row.mixed) == (0, False)
        assert outbox.read(session, "R1", after=0)[0] == []
        assert not known
    assert app_client.post("/device/v1/unnamed", json=body | {"words": "other"}).json()["code"] == "id_reused"
    assert app_client.post("/device/v1/unnamed", json=said(words="  ")).json()["code"] == "feedback_empty"


def test_a_repeat_that_comes_while_the_first_is_taken_is_taken_too(sessions, shop, clock):
    once = SayUnnamed.model_validate(said())

    def take(session):
        unnamed.take(session, once, at=clock())

    assert at_once(sessions, take, take) is None
    with transaction(sessions) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(UnnamedRow)) == 1


def test_an_error_of_the_database_says_nothing_of_what_was_said(sessions):
    words = "the driver asks for cigarettes"
    with pytest.raises(sa.exc.DBAPIError) as failed, transaction(sessions) as session:
        session.execute(sa.text("SELECT CAST(:words AS text), 1 / :nothing"), {"words": words, "nothing": 0})
    assert words not in str(failed.value)


def test_whoever_has_the_code_reads_the_answer_and_nobody_else(app_client, sessions, shop, signed_in):
    body = said()
    app_client.post("/device/v1/unnamed", json=body)
    look = "/device/v1/unnamed/look"
    assert app_client.post(look, json={"code": "ab2c-3de4-fg5h-6jk7"}).json()["state"] == "received"
    assert app_client.post(look, json={"code": "AB2C3DE4FG5H6JK8"}).json()["code"] == "unknown_code"
    head = signed_in(name="head")
    assert "Some get more" in head.get("/console/feedback/unnamed").text
    place = f"/console/feedback/unnamed/{body['id']}/answer"
    assert head.post(place, data={"answer_en": " "}).status_code == 422
    assert head.post(place, data={"answer_en": "All get the same."}).status_code == 303
    assert head.post(place, data={"answer_en": "Again"}).status_code == 422
    answered = app_client.post(look, json={"code": CODE}).json()
    assert (answered["state"], answered["answer"]["zh"]) == ("answered", "All get the same.")
    assert signed_in("manager", name="mo").get("/console/feedback/unnamed").status_code == 403


def test_whom_it_concerns_does_not_see_it_and_cannot_answer(app_client, sessions, shop, clock, signed_in):
    rude = signed_in("administrator", name="rude")
    body = said(employee="Rude", words="He shouts")
    assert app_client.post("/device/v1/unnamed", json=body).status_code == 201
    assert "He shouts" not in rude.get("/console/feedback/unnamed").text
    assert rude.post(f"/console/feedback/unnamed/{body['id']}/answer", data={"answer_en": "x"}).status_code == 404
    assert "He shouts" in signed_in(name="head").get("/console/feedback/unnamed").text


def test_when_the_week_is_over_not_even_where_a_row_lies_says_when_it_came(app_client, sessions, shop, clock):
    ids = [said(code_sha256=hashlib.sha256(str(number).encode()).hexdigest())["id"] for number in range(12)]
    for number, one in enumerate(ids):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        assert app_client.post("/device/v1/unnamed", json=said(id=one, code_sha256=digest)).status_code == 201
    where = sa.text("SELECT id, xmin::text FROM feedback_unnamed ORDER BY ctid")
    with transaction(sessions) as session:
        assert len({row.xmin for row in session.execute(where)}) == 12
        assert unnamed.keep_time(session, clock()) == 0
        assert unnamed.keep_time(session, clock() + timedelta(days=7)) == 12
        assert unnamed.keep_time(session, clock() + timedelta(days=7)) == 0
    with transaction(sessions) as session:
        rows = session.execute(where).all()
        assert len({row.xmin for row in rows}) == 1
        assert [row.id for row in rows] != [UUID(one) for one in ids]
        assert {row.id for row in rows} == {UUID(one) for one in ids}


def test_from_one_address_not_too_much_is_taken(app_client, shop):
    body = said()
    answers = [app_client.post("/device/v1/unnamed", json=body).status_code for _ in range(22)]
    assert answers == [201] * 20 + [429] * 2
