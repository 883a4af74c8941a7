"""An anonymous survey on the real database: nothing that is kept leads from an answer to its shop."""

import hashlib
import itertools
import json
from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer, send
from sqlalchemy import select, text
from sqlalchemy import table as sql_table

from contract.feed import Survey
from contract.ids import uuid7
from contract.messages import Answer, AnswerSurvey
from server.kit import outbox
from server.kit.db import transaction
from server.kit.identity import Operator
from server.surveys import queries, results, rules
from server.surveys import service as surveys
from server.surveys.models import BallotRow, StratumRow, UrnRow

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
CLOSE = NOW + timedelta(days=7)
SHOPS = [f"SHOP{number:02}" for number in range(23)]
QUESTIONS = [
    {"id": "mark", "kind": "scale", "text": {"zh": "几分？", "en": "How many points?"}, "low": 1, "high": 5},
    {"id": "why", "kind": "text", "text": {"zh": "为什么？", "en": "Why?"}},
]


def secret(code: str) -> str:
    """What a shop writes: a word by which it is known here alone."""
    return hashlib.sha256(f"word of {code}".encode()).hexdigest()[:12]


def blind(code: str) -> str:
    return hashlib.sha256(f"blind of {code}".encode()).hexdigest()[:32]


@pytest.fixture
def anonymous(sessions):
    """Three regions: one of which three shops answer, each answer in a transaction of its own, then the close."""
    with transaction(sessions) as session:
        for number, code in enumerate(SHOPS):
            make_retailer(session, code, region="coast" if number < 4 else "city" if number < 12 else "hills")
        senders = {code: make_device(session, code) for code in SHOPS}
        draft = rules.Draft.model_validate(
            {
                "title": {"zh": "满意度", "en": "Satisfaction"},
                "intro": {"zh": "", "en": ""},
                "questions": QUESTIONS,
                "opens_at": NOW,
                "closes_at": CLOSE,
                "anonymous": True,
                "sample": {"how": "stratified", "by": "region", "size": 23},
            }
        )
        survey = surveys.write_survey(session, draft, PLANNER, at=NOW)
        surveys.publish_survey(session, survey, PLANNER, at=NOW)
    order = sorted(SHOPS, key=secret)[:21]
    for code in order:
        with transaction(sessions) as session:
            assert answer(session, senders[code], survey, code).outcome == "accepted"
    return survey, senders, order


def answer(session, sender, survey, code, **how):
    answers = (Answer(question="mark", number=1 + int(code[-2:]) % 5), Answer(question="why", text=secret(code)))
    return send(
        session, sender, "survey.answer", AnswerSurvey(survey=survey, answers=answers, blind=blind(code)), **how
    )


def every_row(session):
    """Yield every row of every table of the database, as text, with the transaction that wrote it."""
    names = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")).all()
    for name in names:
        table = select(text("xmin::text AS tx, ctid::text AS at, row_to_json(t) AS said")).select_from(
            sql_table(name).alias("t")
        )
        rows = session.execute(table)
        yield from ((name, row.tx, row.at, json.dumps(row.said, ensure_ascii=False)) for row in rows)


def test_no_row_no_transaction_and_no_order_joins_an_answer_to_its_shop(sessions, anonymous):
    survey, _, order = anonymous
    with transaction(sessions) as session:
        surveys.keep_time(session, CLOSE)
    with transaction(sessions) as session:
        rows = list(every_row(session))
        shown = queries.survey(session, survey)
        assert shown is not None
        assert shown.answered == 21
        columns = {column.name for column in BallotRow.__table__.columns}
        assert session.scalar(select(UrnRow.survey_id)) is None
    # whose words stand where: in the ballots alone, and in no row with a shop, a terminal, a message or a time
    words = {secret(code): code for code in order}
    told = [(name, tx, said) for name, tx, _, said in rows if any(word in said for word in words)]
    assert {name for name, _, _ in told} == {"survey_ballots"}
    assert len(told) == 21
    assert columns == {"ballot", "question", "item", "survey_id", "stratum", "choices", "number", "text"}
    assert not any(code in said for _, _, said in told for code in SHOPS)
    # the transactions that wrote them: five at least together, and no stratum with fewer
    by_transaction: dict[str, set[str]] = {}
    by_stratum: dict[int, set[str]] = {}
    for _, tx, said in told:
        ballot = json.loads(said)
        by_transaction.setdefault(tx, set()).add(ballot["ballot"])
        by_stratum.setdefault(ballot["stratum"], set()).add(ballot["ballot"])
    assert min(len(ballots) for ballots in by_transaction.values()) >= 5
    assert min(len(ballots) for ballots in by_stratum.values()) >= 5
    # neither the place in the table nor the ballot's name follows the order of answering
    came = {code: place for place, code in enumerate(order)}
    placed = [came[words[json.loads(said)["text"]]] for _, _, said in told]
    named = [came[words[json.loads(said)["text"]]] for _, _, said in sorted(told, key=lambda one: one[2])]
    for sequence in (placed, named):
        assert sequence not in (sorted(sequence), sorted(sequence, reverse=True))


def test_the_digest_of_a_repeat_tells_nothing_to_whoever_tries_all_answers(sessions, anonymous):
    survey, _, order = anonymous
    code = order[0]
    with transaction(sessions) as session:
        kept = session.scalars(
            text("SELECT body_sha256 FROM inbox WHERE party = :code AND kind = 'survey.answer'"), {"code": code}
        ).one()

    # whoever knows the shop's word and has but to find its mark: with the blind it is found, without it is not
    def digest(mark: int, blinded: str | None) -> bytes:
        answers = (Answer(question="mark", number=mark), Answer(question="why", text=secret(code)))
        body = AnswerSurvey(survey=survey, answers=answers, blind=blinded).model_dump(mode="json", exclude_none=True)
        told = json.dumps(["survey.answer", body], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(told.encode()).digest()

    assert bytes(kept) == digest(1 + int(code[-2:]) % 5, blind(code))
    assert bytes(kept) not in {digest(mark, None) for mark in range(1, 6)}


def test_it_is_counted_once_and_what_is_refused_is_kept_nowhere(sessions, anonymous):
    survey, senders, order = anonymous
    late = next(code for code in SHOPS if code not in order)
    with transaction(sessions) as session:
        first = uuid7()
        assert answer(session, senders[late], survey, late, id=first).outcome == "accepted"
        again = answer(session, senders[late], survey, late, id=first)
        assert (again.outcome, again.number) == ("accepted", None)
        assert answer(session, senders[late], survey, late).code == "already_answered"
    other = next(code for code in SHOPS if code not in {*order, late})
    with transaction(sessions) as session:
        open_ = AnswerSurvey(survey=survey, answers=(Answer(question="mark", number=3),))
        assert send(session, senders[other], "survey.answer", open_).code == "answer_not_blinded"
        wrong = AnswerSurvey(survey=survey, answers=(Answer(question="mark", number=98_712_345),), blind="0" * 32)
        receipt = send(session, senders[other], "survey.answer", wrong)
        assert (receipt.code, receipt.params) == ("anonymous_unfit", {})
        assert not any(
            "98712345" in said for name, _, _, said in every_row(session) if name in {"inbox", "feed_entries"}
        )
        surveys.keep_time(session, CLOSE)
        shown = queries.survey(session, survey)
        assert shown is not None
        assert len(list(queries.ballots(session, survey))) == shown.answered == 22


def test_results_grow_by_fives_and_are_weighted_after_the_close(sessions, anonymous):
    survey, _, order = anonymous
    with transaction(sessions) as session:
        shown = queries.survey(session, survey)
        assert shown is not None
        before = results.parts(session, shown)
        assert all(part.answered % 5 == 0 for part in before)
        assert sum(part.answered for part in before) < 21
        surveys.keep_time(session, CLOSE)
        after = results.parts(session, shown)
        assert sum(part.answered for part in after) == 21
        assert sum(weight.shops for weight in results.weights(after).values()) == 23
        few = {part.place for part in after if part.pooled_into is not None}
        assert len(few) == 1
        mark, why = results.results(session, shown, after)
        assert (mark.answered, why.answered) == (21, 21)
        assert all(count is None or count == 0 or count >= 5 for _, count in mark.counts)
        assert mark.estimate is not None
        assert all(words.retailer == "" and words.at is None for words in why.texts)
        assert {words.text for words in why.texts} < {secret(code) for code in order}


CHOICES = [{"id": name, "text": {"zh": name, "en": name}} for name in "abcd"]
HANGING = [
    {"id": "pick", "kind": "single", "text": {"zh": "选", "en": "Pick"}, "choices": CHOICES},
    {"id": "mark", "kind": "scale", "text": {"zh": "几分？", "en": "Points?"}, "low": 1, "high": 5},
    {
        "id": "why",
        "kind": "text",
        "text": {"zh": "为什么？", "en": "Why?"},
        "required": False,
        "only_if": {"question": "pick", "test": "is", "choice": "a"},
    },
]


@pytest.mark.parametrize(
    ("picked", "counts"),
    [
        ("a" * 18 + "bc", (None, None, None, None)),
        ("a" * 10 + "b" * 6 + "c" * 2 + "d" * 2, (10, None, None, None)),
        ("a" * 12 + "b" * 3 + "c" * 5, (12, None, None, None)),
        ("a" * 11 + "b" * 4 + "c" * 5, (11, None, None, None)),
        ("a" * 10 + "b" * 3 + "c" * 4, (10, None, None, None)),
        ("a" * 12 + "b" * 8, (12, 8, 0, 0)),
    ],
)
def test_no_small_count_can_be_found_out_and_no_row_of_a_file_is_a_shops(session, picked, counts):
    draft = rules.Draft.model_validate(
        {
            "title": {"zh": "问", "en": "Q"},
            "intro": {"zh": "", "en": ""},
            "questions": HANGING,
            "opens_at": NOW,
            "closes_at": CLOSE,
            "anonymous": True,
        }
    )
    codes = [f"S{number:02}" for number in range(len(picked))]
    for code in codes:
        make_retailer(session, code)
    survey = surveys.write_survey(session, draft, PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    for number, (code, choice) in enumerate(zip(codes, picked, strict=True)):
        given = [Answer(question="pick", choices=(choice,)), Answer(question="mark", number=5 if number % 10 else 1)]
        given += [Answer(question="why", text=f"{code} says so")] if choice == "a" else []
        told = AnswerSurvey(survey=survey, answers=tuple(given), blind=blind(code))
        assert send(session, make_device(session, code), "survey.answer", told).outcome == "accepted"
    surveys.keep_time(session, CLOSE)
    shown = queries.survey(session, survey)
    assert shown is not None
    found = results.results(session, shown, results.parts(session, shown))
    pick, mark, why = found
    assert tuple(count for _, count in pick.counts) == counts
    untold = [picked.count(name) for name, count in pick.counts if count is None]
    assert not untold or sum(untold) >= 5
    assert [share is None for share in pick.shares] == [count is None for count in counts]
    # two marks of one: with the mean they could be found out
    assert (mark.counts, mark.estimate is not None) == ((), True)
    assert why.hidden == (counts[0] is None)
    assert (why.asked, why.answered) == ((0, 0) if why.hidden else (counts[0], counts[0]))
    total, groups = results.grouped(session, shown, "why", ["says"])
    assert (total, len(groups)) == ((0, 0) if why.hidden else (counts[0], 2))
    columns = results.apart(session, shown, found)
    tops = [name for name, count in zip("abcd", counts, strict=True) for _ in range(count or 0)]
    assert columns[0] == [*tops, *[None] * (len(picked) - len(tops))]
    assert columns[1] == []
    assert columns[2] == ([] if why.hidden else sorted(f"S{number:02} says so" for number in range(counts[0] or 0)))


def test_of_fewer_than_five_the_answers_are_destroyed(session):
    for code in SHOPS[:6]:
        make_retailer(session, code)
    senders = [make_device(session, code) for code in SHOPS[:6]]
    draft = rules.Draft.model_validate(
        {
            "title": {"zh": "问", "en": "Q"},
            "intro": {"zh": "", "en": ""},
            "questions": QUESTIONS,
            "opens_at": NOW,
            "closes_at": CLOSE,
            "anonymous": True,
            "remind_h": 24,
        }
    )
    survey = surveys.write_survey(session, draft, PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    for sender, code in itertools.islice(zip(senders, SHOPS, strict=False), 4):
        answer(session, sender, survey, code)
    surveys.keep_time(session, CLOSE - timedelta(hours=24))
    reminded = [
        Survey.model_validate(item.data).reminded_at is not None
        for code in SHOPS[:6]
        for item in outbox.read(session, code, after=0)[0]
        if item.kind == "survey"
    ]
    assert reminded == [False] * 4 + [True] * 2
    surveys.keep_time(session, CLOSE)
    assert session.scalars(select(BallotRow)).all() == []
    assert session.scalars(select(UrnRow)).all() == []
    shown = queries.survey(session, survey)
    assert shown is not None
    assert shown.answered == 4
    assert session.scalars(select(StratumRow.pooled_into)).all() == [None]
