"""Another policy after the announcement: two persons, a notice to the terminals, and a hash that the checker knows."""

import io
import zipfile
from pathlib import Path

import pytest
from overtaking import at_once
from sqlalchemy import text

from allocation.verification import Unreadable, verify_folders
from contract.errors import Conflict, Rejected
from server.cycles import policy_change_queries, policy_changing, service, standing
from server.cycles.queries import Policy
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
BOTH = Operator(3, "chen", frozenset({"planner", "releaser"}))


def another(town) -> Policy:
    """Write another policy."""
    with transaction(town.sessions) as session:
        said = 'fairness = "line"\nrule = "max_min"\nrounding = "adams"\n'
        by = {"author": "anna", "actor": PLANNER.actor, "at": town.clock.now}
        return standing.write_policy(session, "small shops first", said, reason="fewer turns", **by)


def propose(town, cycle, policy: Policy, by: Operator = PLANNER, reason: str = "small shops waited twice"):
    return town.act(policy_changing.propose, cycle, by, name=policy.name, version=policy.version, reason=reason)


def fed(town, retailer: str, kind: str) -> list[dict]:
    with transaction(town.sessions) as session:
        rows = session.execute(
            text("SELECT data FROM feed_entries WHERE recipient = :party AND kind = :kind ORDER BY seq"),
            {"party": retailer, "kind": kind},
        )
        return [row.data for row in rows]


def test_a_second_person_changes_it_and_every_terminal_reads_hash_and_reason(town):
    cycle = town.draft()
    town.announce(cycle)
    policy = another(town)
    change = propose(town, cycle, policy, BOTH)
    assert town.cycle(cycle).policy_name == standing.DEFAULT_POLICY
    with pytest.raises(Rejected, match="chen"):
        town.act(policy_changing.approve, cycle, BOTH, change=change)
    town.act(policy_changing.approve, cycle, RELEASER, change=change)
    town.work()
    assert town.cycle(cycle).policy_name == policy.name
    for retailer in ("R1", "R4"):
        assert fed(town, retailer, "window")[-1]["policy_sha256"] == policy.text_sha256
        told = fed(town, retailer, "announcement")[-1]
        assert "small shops waited twice" in str(told)
        assert "small shops first v1" in str(told)
    with pytest.raises(Conflict):
        town.act(policy_changing.approve, cycle, RELEASER, change=change)


def test_it_stands_once_a_window_is_over_and_one_proposal_waits_at_a_time(town):
    cycle = town.draft()
    policy = another(town)
    with pytest.raises(Conflict):
        propose(town, cycle, policy)
    town.announce(cycle)
    with pytest.raises(Invalid):
        propose(town, cycle, policy, reason=" ")
    change = propose(town, cycle, policy)
    with pytest.raises(Conflict):
        propose(town, cycle, policy)
    town.clock.advance(hours=3)
    with pytest.raises(Conflict):
        town.act(policy_changing.approve, cycle, RELEASER, change=change)
    town.act(policy_changing.decline, cycle, RELEASER, change=change, reason="too late")
    with transaction(town.sessions) as session:
        (kept,) = policy_change_queries.changes(session, cycle)
    assert (kept.state, kept.decided_by, kept.decided_why) == ("declined", "bo", "too late")


@pytest.mark.parametrize(("language", "approve"), [("en", "Approve"), ("zh", "批准")])
def test_on_the_cycles_page_one_person_proposes_and_another_approves(town, signed_in, language, approve):
    cycle = town.draft()
    town.announce(cycle)
    another(town)
    anna = signed_in("planner", "releaser", name="anna", language=language)
    place = f"/console/cycles/{cycle}"
    assert f"{place}/policy-changes" in anna.get(place).text
    said = {"policy": "small shops first|1", "reason": "小户等了两期"}
    assert anna.post(f"{place}/policy-changes", data=said | {"reason": ""}).status_code == 422
    assert anna.post(f"{place}/policy-changes", data=said).status_code == 303
    assert approve not in anna.get(place).text, "nobody approves what he proposed"
    bo = signed_in("releaser", name="bo", language=language)
    page = bo.get(place).text
    assert approve in page
    address = page.split(f'action="{place}/policy-changes/')[1].split("/")[0]
    assert anna.post(f"{place}/policy-changes/{address}/approve").status_code in {403, 409, 422}
    assert bo.post(f"{place}/policy-changes/{address}/approve").status_code == 303
    assert "small shops first v1" in bo.get(place).text


def test_the_checker_compares_the_policy_with_its_published_hash(town, signed_in, tmp_path: Path):
    cycle = town.draft()
    town.announce(cycle)
    policy = another(town)
    change = propose(town, cycle, policy)
    town.act(policy_changing.approve, cycle, RELEASER, change=change)
    window = town.open(cycle)
    for retailer in ("R1", "R2", "R3", "R4"):
        town.order(retailer, window, K1=60)
    town.close()
    town.work()
    town.act(service.send_for_release, cycle, PLANNER)
    answer = signed_in("auditor", name="au").get(f"/console/cycles/{cycle}/export.zip")
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    (announced,) = tmp_path.rglob("policy-as-announced.toml")
    problem, result = announced.parent / "problem", announced.parent / "result"
    assert verify_folders(problem, result).holds
    kept = announced.read_text("utf-8")
    announced.write_text(kept + "\n# a comment\n", "utf-8")
    assert "published hash" in str(verify_folders(problem, result).violations)
    announced.write_text(kept.replace("adams", "webster"), "utf-8")
    assert "rounding" in str([str(one) for one in verify_folders(problem, result).violations])
    announced.unlink()
    with pytest.raises(Unreadable):
        verify_folders(problem, result)


def test_programs_propose_and_decide_too(town, signed_in):
    cycle = town.draft()
    town.announce(cycle)
    policy = another(town)
    place = f"/api/v1/cycles/{cycle}/policy-changes"
    asked = {"policy": policy.name, "policy_version": policy.version, "reason": "small shops waited twice"}
    planner, releaser = signed_in("planner", name="dora"), signed_in("releaser", name="emil")
    made = planner.post(place, json=asked)
    assert made.status_code == 201
    approve = f"{place}/{made.json()['id']}/approve"
    assert planner.post(approve).status_code == 403
    assert releaser.post(approve).status_code == 204
    (one,) = releaser.get(place).json()
    assert (one["state"], one["author"], one["decided_by"]) == ("approved", "dora", "emil")
    assert town.cycle(cycle).policy_name == policy.name
    assert releaser.post(approve).status_code == 409


def test_of_two_who_write_a_policy_at_once_the_later_one_is_told(town):
    first = another(town)

    def write(rounding, seen):
        said = f'fairness = "line"\nrule = "max_min"\nrounding = "{rounding}"\n'
        by = {"author": "anna", "actor": PLANNER.actor, "at": town.clock.now, "seen": seen}
        return lambda session: standing.write_policy(session, first.name, said, reason="again", **by)

    with pytest.raises(Conflict) as told:
        at_once(town.sessions, write("webster", first.version), write("jefferson", first.version))
    assert told.value.code == "changed_meanwhile"
    assert at_once(town.sessions, write("jefferson", None), write("adams", None)).version == 4
