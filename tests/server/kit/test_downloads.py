"""Lists taken away as files: a long CSV goes out while it is read, a workbook has its limit."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from factories import NOW
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from starlette.types import Message, Receive, Scope, Send

from server.kit import admission, sheets
from server.kit.console import tables
from server.kit.db import transaction

ENTRIES = 2_300
AUDIT = text(
    "INSERT INTO audit (at, actor, action, subject, detail, alert)"
    " SELECT :at, 'operator:ann', 'seeded', 'thing:' || n, '{}', false FROM generate_series(1, :entries) n"
)


@pytest.fixture
def many(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.execute(AUDIT, {"at": NOW - timedelta(hours=1), "entries": ENTRIES})


def test_a_long_list_goes_out_as_csv_without_a_limit_and_without_being_held(
    many: None, signed_in: Callable[..., Any]
) -> None:
    answer = signed_in("administrator").get("/console/audit?format=csv&q=thing&sort=at")
    assert answer.status_code == 200
    assert "Content-Length" not in answer.headers
    subjects = [line.split(",")[4] for line in answer.text.splitlines()[1:]]
    assert subjects == [f"thing:{number}" for number in range(1, ENTRIES + 1)]


def test_a_short_list_comes_with_its_length(many: None, signed_in: Callable[..., Any]) -> None:
    answer = signed_in("administrator").get("/console/audit?format=csv&q=thing:7")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert len(answer.text.splitlines()) == 2


def test_a_list_too_long_for_a_workbook_is_refused_with_what_to_do(
    many: None, signed_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "WORKBOOK_ROWS_MOST", 1_000)
    answer = signed_in("administrator").get("/console/audit?format=xlsx&q=thing")
    assert answer.status_code == 422
    assert "1000 rows" in answer.text
    assert "CSV" in answer.text


def test_a_csv_in_parts_is_the_csv() -> None:
    def sheet(rows: int) -> sheets.Sheet:
        return sheets.Sheet(("N", "Text"), ("number", "text"), ([n, f"=é{n}"] for n in range(rows)))

    for rows in (0, 1, sheets.ROWS_AT_ONCE, 2 * sheets.ROWS_AT_ONCE + 1):
        parts = list(sheets.csv_parts(sheet(rows)))
        assert len(parts) == 1 + -(-rows // sheets.ROWS_AT_ONCE)
        headings, read = sheets.read_csv(b"".join(parts), ("number", "text"))
        assert (headings, read) == (["N", "Text"], [[n, f"=é{n}"] for n in range(rows)])


@pytest.mark.parametrize("kept", [True, False])
def test_an_answer_that_reads_while_it_is_sent_keeps_its_place(*, kept: bool) -> None:
    entered: list[str] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        entered.append(scope["path"])
        scope[admission.KEPT] = kept and scope["path"] == "/first"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/first":
            second = asyncio.create_task(ask("/second"))
            for _ in range(5):  # turns of the loop: enough for the second to come in where there is a place
                await asyncio.sleep(0)
            assert entered == (["/first"] if kept else ["/first", "/second"])
            later.append(second)
        await send({"type": "http.response.body", "body": b""})

    async def ask(path: str) -> None:
        await door({"type": "http", "path": path}, nothing, nowhere)

    async def nothing() -> Message:
        raise AssertionError("nobody reads")

    async def nowhere(_message: Message) -> None:
        return None

    async def both() -> None:
        await ask("/first")
        await asyncio.gather(*later)

    later: list[asyncio.Task[None]] = []
    door = admission.Admission(app, 1)
    asyncio.run(both())
    assert entered == ["/first", "/second"]
