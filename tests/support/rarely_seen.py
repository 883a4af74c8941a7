"""States of the console that a network comes to seldom: what stands out in a market round, who waits to be let in."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from ceremony import archive, begun
from devices import key_of
from factories import send
from sqlalchemy.orm import Session

from contract.device_api import Enrol, SayUnnamed
from contract.ids import uuid7
from contract.messages import Answer, AnswerSurvey
from loadtests.console_pages import Page
from server.devices import enrolling
from server.devices import service as devices
from server.feedback import unnamed
from server.kit import certificates
from server.kit.identity import Operator, Sender
from server.releases import drafting
from server.surveys import market, queries, rules, service

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
RELEASES = ("0.8.2", "0.9.0")
#: What shops say that they pay, in fen; the last one slipped by two digits.
PRICES_MINOR = (1_950, 2_000, 2_050, 2_000, 1_980, 2_020, 2_000, 200_000)
#: What was said without a name: its kind, category, words, and the answer to it.
UNNAMED = (
    ("complaint", "delivery", "送货的人要我给他烟。\nThe driver asks for cigarettes.", None),
    ("suggestion", "price", "能不能把价目表提前一天发？", ("下月起提前两天。", "From next month on, two days before.")),
)


def come_to(session: Session, data_dir: Path, *, at: datetime) -> list[Page]:
    """Let a network come to all of them; return the pages that no sample of a route leads to."""
    _released(data_dir, at)
    _waiting(session, at)
    _unnamed(session, at)
    survey, answers = _market(session, at)
    return [
        Page("/console/surveys/{survey} of a market", f"/console/surveys/{survey}"),
        Page("/console/surveys/{survey}/outliers of a market", f"/console/surveys/{survey}/outliers"),
        Page("/console/surveys/answers/{message} of a market", f"/console/surveys/answers/{answers}"),
        Page("/console/surveys/series/{series} of a market", "/console/surveys/series/prices"),
    ]


def _released(data_dir: Path, at: datetime) -> None:
    """Two releases that terminals run, another one that waits for its second signature."""
    repository, holders = begun(data_dir, at - timedelta(days=60))
    for days, version in zip((40, 0), RELEASES, strict=True):
        drafting.add(repository, *archive(data_dir, version), at - timedelta(days=days))
        holders.publish(repository, at - timedelta(days=days))
    drafting.add(repository, *archive(data_dir, "0.10.0", minimum_version="0.8.0"), at)
    drafting.collect(repository, holders.sign(repository.draft / "targets.json", "li"))


def _waiting(session: Session, at: datetime) -> None:
    """Two terminals that show their digits."""
    shops = list(session.scalars(sa.text("SELECT code FROM retailers ORDER BY code LIMIT 2")))
    for shop, code in devices.issue_codes(session, shops, PLANNER, at=at):
        csr = certificates.new_request(key_of(f"waiting in {shop}"))
        enrolling.ask(session, Enrol(code=code, csr=csr, model="browser-tablet", version="0.9.0"), at=at)


def _unnamed(session: Session, at: datetime) -> None:
    for kind, category, words, answer in UNNAMED:
        code = hashlib.sha256(words.encode()).hexdigest()
        said = SayUnnamed.model_validate(
            {"id": uuid7(), "kind": kind, "category": category, "words": words, "code_sha256": code}
        )
        unnamed.take(session, said, at=at)
        if answer is not None:
            zh, en = answer
            unnamed.answer(session, said.id, PLANNER, answer_zh=zh, answer_en=en, at=at)


def _market(session: Session, at: datetime) -> tuple[UUID, UUID]:
    """A round of prices in which one figure slipped; another one was looked at. Returns the round and answers of it."""
    draft = {
        "title": {"zh": "卷烟行情第 1 期", "en": "Prices, round 1"},
        "intro": {"zh": "请填写您今天的零售价。", "en": "What do you sell it for today?"},
        "questions": [
            {"id": "price", "kind": "money", "low": 0, "text": {"zh": "一包的零售价", "en": "Price of a pack"}},
            {"id": "left", "kind": "number", "low": 0, "text": {"zh": "还剩多少包？", "en": "How many are left?"}},
        ],
        "sort": "market",
        "series": "prices",
        "opens_at": at,
        "closes_at": at + timedelta(days=3),
        "plausible": [{"question": "price", "low": 1_000, "high": 5_000}, {"question": "left", "low": 0, "high": 500}],
    }
    survey = service.write_survey(session, rules.Draft.model_validate(draft), PLANNER, at=at)
    service.publish_survey(session, survey, PLANNER, at=at)
    answers = None
    for device, shop, price in zip(*_devices(session), PRICES_MINOR, strict=True):
        left = 900 if price == PRICES_MINOR[0] else 40
        said = (Answer(question="price", number=price), Answer(question="left", number=left))
        receipt = send(session, Sender(device, shop), "survey.answer", AnswerSurvey(survey=survey, answers=said), at=at)
        answers = answers or receipt.message
    shown = queries.survey(session, survey)
    assert shown is not None
    assert answers is not None
    [first] = [one.figure for one in market.outliers(session, shown) if one.figure.at[0] == "left"]
    market.review(session, shown, (first.retailer, *first.at), "accepted", "counted again by telephone", PLANNER, at=at)
    return survey, answers


def _devices(session: Session) -> tuple[list[str], list[str]]:
    rows = session.execute(
        sa.text("SELECT id, retailer FROM devices WHERE revoked_at IS NULL ORDER BY retailer LIMIT :most"),
        {"most": len(PRICES_MINOR)},
    ).all()
    return [device for device, _ in rows], [shop for _, shop in rows]
