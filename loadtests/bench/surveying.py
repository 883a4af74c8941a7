"""Rows of a survey's results page: p95 against one pass over the same answers, and how it grows with them."""

from functools import partial
from typing import Final

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from loadtests import console_pages
from loadtests.bench import served
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row, exponent_row, in_turns
from loadtests.seeding import answers as seeded
from loadtests.seeding import voices
from server.kit.db import transaction

COMMAND: Final = "make bench ARGS=voices"
ANSWERS: Final = 200_000
QUESTIONS: Final = 4
_LEAST: Final = 400


def result_rows(sizes: Sizes) -> list[Row]:
    """Open the results of 200,000 answers, a tenth and a hundredth of them, beside a pass over the rows alone."""
    rows, counts, medians = [], sizes.of(ANSWERS, _LEAST), []
    for answers in counts:
        with served.server() as (runtime, owner_url):
            _fill(owner_url, answers // QUESTIONS)
            browser = served.signed_in(runtime)
            with transaction(runtime.sessions) as session:
                address = f"/console/surveys/{session.scalar(seeded.SURVEY)}"
            found = served.looked_at(browser, runtime, address, served.LOOKS if sizes.divisor == 1 else 2)
            scan = in_turns({"pass": partial(_pass, runtime.sessions)}, sizes.repeats).seconds["pass"] * 1000
        medians.append(found.p50_ms)
        rows.append(
            Row(
                f"survey results: p95 (p50 {found.p50_ms:.0f} ms, {found.queries} queries) / one pass over its answers",
                f"{answers:,} answers of {answers // QUESTIONS:,} shops",
                found.p95_ms,
                scan,
                "ms",
                found.p95_ms / scan,
                f"≤ {served.P95_MOST_MS:.0f} ms, ≤ {console_pages.QUERIES_MOST} queries (200,000 answers)",
                found.within,
                len(found.taken_ms),
                COMMAND,
            )
        )
    return [*rows, exponent_row("survey results, p50", counts, medians, COMMAND)]


def _fill(owner_url: str, shops: int) -> None:
    """Let so many shops of twelve regions have answered four questions."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        for statement in seeded.STATEMENTS:
            said = text(statement)
            known = {"shops": shops, "questions": voices.QUESTIONS}
            names = said.compile().params
            connection.execute(said, {name: value for name, value in known.items() if name in names})
    engine.dispose()


def _pass(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.execute(seeded.PASS).one()
