"""Two people on one thing: who saves second is told, keeps what was typed, and sees what stands there now."""

import re

import pytest
from factories import make_retailer

from server.kit.db import transaction

NOTICE = {
    "sort": "notice",
    "title_zh": "通知",
    "title_en": "Notice",
    "body_zh": "请看。",
    "body_en": "Look.",
}


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_second_on_a_draft_announcement_sees_both_and_nothing_is_overwritten(signed_in):
    ann, bob = signed_in("planner", name="ann"), signed_in("planner", name="bob")
    place = ann.post("/console/announcements", data=NOTICE).headers["Location"]
    seen = seen_on(bob.get(f"{place}/edit").text)
    first = ann.post(f"{place}/edit", data=NOTICE | {"body_en": "Look here.", "seen": seen})
    assert first.status_code == 303
    second = bob.post(f"{place}/edit", data=NOTICE | {"body_en": "Look there.", "seen": seen})
    assert second.status_code == 409
    for words in ("Look there.", '<b class="differs">Look here.</b>', "Stands there now"):
        assert words in second.text
    assert "Look here." in ann.get(f"{place}/edit").text


def test_nobody_publishes_a_draft_that_changed_since_it_was_looked_at(signed_in):
    ann, bob = signed_in("planner", name="ann"), signed_in("planner", name="bob")
    place = ann.post("/console/announcements", data=NOTICE).headers["Location"]
    looked_at = seen_on(bob.get(place).text)
    ann.post(f"{place}/edit", data=NOTICE | {"body_en": "Look here.", "seen": looked_at})
    assert bob.post(f"{place}/publish", data={"seen": looked_at}).status_code == 409
    assert "draft" in bob.get(place).text


def test_two_versions_of_a_policy_do_not_pass_each_other_unseen(signed_in):
    ann, bob = signed_in("planner", name="ann"), signed_in("planner", name="bob")
    policy = {"name": "fair", "rule": "max_min", "rounding": "webster", "reason": "first"}
    assert ann.post("/console/policies/new", data=policy).status_code == 303
    seen = seen_on(bob.get("/console/policies/new", params={"policy": "fair|1"}).text)
    assert seen == "fair|1"
    changed = policy | {"rounding": "adams", "reason": "to the small", "seen": seen}
    assert ann.post("/console/policies/new", data=changed).status_code == 303
    late = bob.post("/console/policies/new", data=policy | {"rounding": "dean", "reason": "a little", "seen": seen})
    assert late.status_code == 409
    for words in ('<dd class="typed">2</dd>', "to the small", "a little", "first packs first"):
        assert words in late.text
    assert "fair|3" not in bob.get("/console/policies").text


def test_two_score_policies_do_not_pass_each_other_unseen(signed_in):
    ann, bob = signed_in("planner", name="ann"), signed_in("planner", name="bob")
    seen = seen_on(bob.get("/console/scores/policies/new").text)
    text = {"act": "text", "seen": seen}
    assert (
        ann.post("/console/scores/policies/new", data=text | {"text": "tiers = 5\n", "reason": "few"}).status_code
        == 303
    )
    late = bob.post("/console/scores/policies/new", data=text | {"text": "tiers = 10\n", "reason": "many"})
    assert late.status_code == 409
    for words in ("tiers = 10", '<b class="differs">tiers = 5', "many", "few"):
        assert words in late.text


@pytest.mark.parametrize("seen", ["", "0123456789abcdef"])
def test_a_shop_that_was_seen_otherwise_or_not_at_all_is_not_written_over(signed_in, sessions, seen):
    with transaction(sessions) as session:
        make_retailer(session, "R1", region="city")
    planner = signed_in("planner")
    page = planner.get("/console/retailers/edit", params={"code": "R1"}).text
    form = dict(re.findall(r'name="([\w-]+)" value="([^"]*)"', page))
    form |= {"editing": "R1", "standing": "good", "region": "hills", "credit_minor": "12.50"}
    late = planner.post("/console/retailers/save", data=form | {"seen": seen})
    assert late.status_code == 409
    for words in ("hills", '<b class="differs">city</b>', "12.50"):
        assert words in late.text
