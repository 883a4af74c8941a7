"""The page of the audit's chain: what the last check found, a check on demand, what to keep elsewhere."""

from collections.abc import Callable

import psycopg
from starlette.testclient import TestClient

from server import worker
from server.kit import audit_checking, embedded
from server.kit.audit_chain import Head
from server.kit.db import transaction
from server.kit.runtime import Runtime

SignedIn = Callable[..., TestClient]
CHAIN = "/console/audit/chain"


def check(runtime: Runtime) -> None:
    """Do the check that was asked for, as the worker does."""
    with transaction(runtime.sessions) as session:
        number = audit_checking.checks(session)[0].number
    audit_checking.run(runtime, number=number)


def test_a_check_is_asked_for_shows_how_far_it_is_and_says_what_it_found(signed_in: SignedIn, runtime: Runtime) -> None:
    browser = signed_in("administrator")
    assert "Nothing was checked yet" in browser.get(CHAIN).text
    worker.seal(runtime)
    assert browser.post(f"{CHAIN}/checks").headers["location"] == CHAIN
    under_way = browser.get(CHAIN).text
    assert "Comparing every entry with its seal" in under_way
    assert f'hx-get="{CHAIN}/progress"' in under_way
    check(runtime)
    done = browser.get(f"{CHAIN}/progress").text
    assert "chain holds" in done
    assert "hx-get" not in done
    assert "chain holds" in browser.get("/console/audit").text


def test_faults_are_said_in_words_and_in_both_languages(
    signed_in: SignedIn, runtime: Runtime, database: embedded.Cluster
) -> None:
    browser = signed_in("administrator")
    worker.seal(runtime)
    with psycopg.connect(database.admin_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("DELETE FROM audit WHERE id = 1")
    browser.post(f"{CHAIN}/checks")
    check(runtime)
    page = browser.get(CHAIN).text
    assert "The audit does not hold" in page
    assert "Entry 1, sealed at place 1, is gone." in page
    assert "记录 1" in signed_in("administrator", language="zh").get(CHAIN).text
    assert "chain does not hold" in browser.get("/console/audit").text


def test_heads_and_key_can_be_taken_away(signed_in: SignedIn, runtime: Runtime) -> None:
    browser = signed_in("releaser")
    assert browser.get("/console/audit/key.pem").status_code == 404  # nothing was signed yet
    worker.seal(runtime)
    heads = browser.get("/console/audit/heads.jsonl")
    assert Head.of_json(heads.text.splitlines()[0]).ordinal > 0
    assert "attachment" in heads.headers["content-disposition"]
    assert browser.get("/console/audit/key.pem").text.startswith("-----BEGIN PUBLIC KEY-----")


def test_who_may_not_read_the_audit_sees_nothing_of_its_chain(signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    for path in (CHAIN, "/console/audit/heads.jsonl", "/console/audit/key.pem", f"{CHAIN}/progress"):
        assert browser.get(path).status_code == 403
    assert browser.post(f"{CHAIN}/checks").status_code == 403


def test_acts_stand_in_words_with_what_was_before(signed_in: SignedIn, runtime: Runtime) -> None:
    browser = signed_in("administrator")
    page = browser.get("/console/audit").text
    assert "added a person" in page
    assert "添加了人员" in signed_in("administrator", language="zh").get("/console/audit").text
