"""What the checker and the proof say: sentences in both languages, each once."""

import ast
import json
import re
from pathlib import Path
from string import Formatter

import pytest
from allocation_problems import one_sku
from published_results import publish
from typer.testing import CliRunner

import allocation
from allocation import Policy
from allocation.verification.chinese import CHINESE
from allocation.verification.findings import Findings
from allocation.verification.sentences import in_words
from evenhand.cli import app

ROOMS = [Path(allocation.__file__).parent / room for room in ("verification", "proving")]
TEXT_OF = {"add": 1, "expect": 1, "expect_all": 1, "sentence": 0, "Unprovable": 0}
"""Which argument of a call is a text."""


def trees():
    for room in ROOMS:
        for path in sorted(room.glob("*.py")):
            if path.name != "chinese.py":
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def texts_said():
    """Texts given to calls that say something, with their places."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in TEXT_OF and len(node.args) > TEXT_OF[name]:
                    yield f"{path.name}:{node.lineno}", node.args[TEXT_OF[name]]


def test_every_text_has_its_chinese_and_none_is_put_together_where_it_is_said():
    said = list(texts_said())

    assert len(said) > 80
    for place, text in said:
        assert not isinstance(text, ast.JoinedStr), place
        if isinstance(text, ast.Constant):
            assert text.value in CHINESE, (place, text.value)


def test_no_chinese_is_left_of_what_is_no_longer_said():
    constants = {
        node.value for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value
    }

    assert CHINESE.keys() - constants == set()


@pytest.mark.parametrize("english", CHINESE, ids=lambda text: text[:40])
def test_both_languages_name_the_same_facts(english):
    def places(text):
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert places(CHINESE[english]) == places(english)


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (None, "nothing", "无"),
        ({"tier": 0, "phase": 0, "level": "5/8"}, "level 5/8", "水平 5/8"),
        ({"tier": 2, "phase": 1, "level": "5/8"}, "level 5/8 of tier 2, phase 1", "第 2 档第 1 阶段水平 5/8"),
        ("ab" * 32, "abababababab…", "abababababab…"),
        ("webster", "webster", "webster"),
        (7, "7", "7"),
    ],
)
def test_values_of_a_certificate_are_said_in_words(value, english, chinese):
    assert (in_words(value, "en"), in_words(value, "zh")) == (english, chinese)


def test_one_finding_is_noted_once_and_the_first_twenty_are_kept():
    findings = Findings()
    for line in [*range(30), 0, 1]:
        findings.add(f"r{line}, K", "granted part of a pack")

    verdict = findings.verdict(40)
    assert (len(verdict.violations), verdict.found, verdict.holds) == (20, 30, False)


@pytest.fixture
def damaged(tmp_path):
    published = publish(one_sku([25, 35, 40], 50, weight=[10, 20, 50]), Policy(), tmp_path)
    rows = published.rows()
    rows[2]["granted"] = "32"
    published.write_rows(rows)
    return published


def run(published, *words):
    return CliRunner().invoke(app, ["verify", str(published.problem), str(published.result), *words])


def test_the_command_names_lines_first_and_says_nothing_twice(damaged):
    answer = run(damaged)
    lines = answer.stderr.splitlines()

    assert (answer.exit_code, answer.stdout) == (1, "")
    assert lines[:2] == ["supply:K: 51 granted of 50", "r03, K: granted a pack that comes after the threshold"]
    assert lines[-1] == "violated: 6 in all"
    assert len(set(lines)) == len(lines) == 7
    assert not re.search(r"[{}]|None", answer.stderr)


def test_the_command_speaks_chinese(damaged):
    answer = run(damaged, "--lang", "zh")

    assert answer.stderr.splitlines()[:2] == ["supply:K：限额为 50，分配了 51", "r03, K：分到了分界之后的整包"]
    assert answer.stderr.splitlines()[-1] == "不成立：共 6 处"


def test_the_command_prints_json_that_names_the_lines(damaged):
    answer = run(damaged, "--json")
    told = json.loads(answer.stdout)

    assert (answer.exit_code, answer.stderr) == (1, "")
    assert (told["holds"], told["lines"], told["found"]) == (False, 3, 6)
    assert {"place": "supply:K", "what": "51 granted of 50", "said": "supply:K: 51 granted of 50"} in told["violations"]
    assert "r03, K" in {violation["place"] for violation in told["violations"]}


def test_json_of_a_result_that_holds(tmp_path):
    told = json.loads(run(publish(one_sku([5, 5], 6), Policy(), tmp_path), "--json").stdout)

    assert told == {"holds": True, "lines": 2, "found": 0, "violations": []}
