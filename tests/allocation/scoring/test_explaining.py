"""What a shopkeeper is told about a score: the sentence, the parts, what to do; in both languages."""

import re
from datetime import date

import pytest
from scored_networks import network, parts, sold, weekly
from typer.testing import CliRunner

from allocation.scoring import Decision, ScorePolicy, explaining, score
from allocation.scoring.explaining import Published, explain
from allocation.scoring.folders import write_scores
from allocation.scoring.policy import COMPONENTS
from allocation.scoring.texts import COMPONENT_TEXTS
from evenhand.score_command import app

POLICY = ScorePolicy(weights={"demand": 60, "payment": 40}, peers_min=2)


@pytest.fixture
def scores():
    history = network(
        ["a", "b", "c"],
        {"tier": ["10", "", "2"]},
        history=weekly({"a": [30] * 9, "b": [10], "c": [20] * 9}),
        payments=parts({"a": [(10, 4)] * 9, "c": [(10, 10)] * 9}, "due_minor", "paid_minor"),
    )
    lowered = Decision("c", "lowered", 20, date(2027, 1, 1), date(2027, 6, 1), "sold expired goods", "x", "y")
    suspended = Decision("b", "suspended", None, date(2027, 1, 1), date(2027, 6, 1), "no licence", "x", "y")
    return score(history, POLICY, [lowered, suspended])


# a's demand is the best of three: rank ⅚, (9·⅚ + 4)/17 of 600 points. It paid less than c: (9·¼ + 4)/17 of 400.
def test_the_sentence_says_where_one_stands_and_the_parts_say_why(scores):
    said = explain(Published.of(scores), "a").splitlines()

    assert said[0] == (
        "Your score is 552.941 of 1,000: place 1 of 3 outlets of your market type and format. "
        "You fall from tier 10 to tier 12 of 30. "
        "You do best in demand: 405.9 of 600.0 points. "
        "Most is to be gained by payment, 147.1 of 400.0 points: pay everything on the day it falls due. "
        "Your weight in the allocation is 19."
    )
    assert len(said) == 3


def test_a_decision_and_a_short_history_are_said(scores):
    published = Published.of(scores)

    assert "By decision, tier 20 at best until 2027-06-01: sold expired goods." in explain(published, "c")
    new = explain(published, "b")
    assert "By decision, nothing is allocated to you until 2027-06-01: no licence." in new
    assert "Periods with figures so far: 1;" in new
    assert "payment: 200.0 of 400.0 points; nothing known yet, so the middle" in new
    chinese = explain(published, "b", "zh")
    assert "2027-06-01 前暂停供货：no licence。" in chinese
    assert "付款：200.0／400.0 分；暂无数据" in chinese


def test_tiers_that_move_are_said_to(scores):
    published = Published.of(scores)

    assert "You fall from tier 2 to tier 4 of 30." in explain(published, "c")
    up = Published.of(score(sold({"a": [1], "b": [2]}, tier=["30", "30"]), ScorePolicy(weights={"demand": 100})))
    assert "从 30 档升到 28 档" in explain(up, "b", "zh")


def test_each_language_says_everything_in_itself():
    assert COMPONENT_TEXTS.keys() == explaining.ADVICE.keys() == set(COMPONENTS)
    for texts in (COMPONENT_TEXTS, explaining.ADVICE, explaining._GROUPS, explaining._TEXTS):  # noqa: SLF001
        for english, chinese in texts.values():
            assert english.isascii()
            assert re.search("[\u4e00-\u9fff]", chinese)
            assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese))


def test_the_command_explains_what_was_published(scores, tmp_path):
    write_scores(scores, tmp_path / "out")

    def run(*words):
        return CliRunner().invoke(app, ["explain-score", *map(str, words)], catch_exceptions=False)

    told = run(tmp_path / "out", "--retailer", "a", "--lang", "zh")
    assert told.exit_code == 0
    assert told.stdout == explain(Published.of(scores), "a", "zh") + "\n"
    assert run(tmp_path / "out", "--retailer", "nobody").exit_code == 2
    assert "no folder that evenhand score has written" in run(tmp_path, "--retailer", "a").stderr
