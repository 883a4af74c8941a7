"""The score policy in the console: written in words or as text, refused at the field, compared key by key."""

import pytest
from overtaking import at_once

from allocation.scoring import ScorePolicy
from contract.errors import Conflict
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.scores import making, policies, policy_form, policy_words, queries, service

from .conftest import PLANNER, RELEASER

STEEP = 'version = "steep"\ntiers = 3\nbounds_points = [600, 300]\ntier_weights = [9, 3, 1]\n'


def typed(**changed):
    return policy_form.filled(ScorePolicy.from_toml(STEEP), reason="why").model_copy(update=changed)


def faults(form):
    with pytest.raises(Invalid) as refused:
        policy_form.read(form)
    return {where: unfit.sentence() for where, unfit in refused.value.problems.items()}


def write(room, text, by=PLANNER):
    with transaction(room.runtime.sessions) as session:
        return policies.write_policy(session, text, by, reason="why", at=room.clock())


def test_of_two_who_write_it_at_once_the_later_one_is_told(room):
    first = write(room, "tiers = 5\n")

    def act(text):
        return lambda session: policies.write_policy(
            session, text, PLANNER, reason="why", at=room.clock(), seen=first.version
        )

    with pytest.raises(Conflict) as told:
        at_once(room.runtime.sessions, act("tiers = 6\n"), act("tiers = 7\n"))
    assert told.value.code == "changed_meanwhile"
    with transaction(room.runtime.sessions) as session:
        assert queries.policy(session).text == "tiers = 6\n"


def test_what_a_form_shows_of_a_policy_is_that_policy():
    for policy in (ScorePolicy(), ScorePolicy.from_toml(STEEP)):
        form = policy_form.filled(policy)
        assert policy_form.read(form) == (policy, policy.to_toml())
        assert form.total == 100


def test_every_number_out_of_its_range_is_named_at_its_field():
    weight = ["101", *["0"] * 7]
    found = faults(typed(weight=weight, tiers="0", window_days="many", small_part_percent="", version=" "))
    assert found == {
        "tiers": "0 is not between 1 and 1000.",
        "window_days": "“many” is not a whole number. Write digits alone, such as 120.",
        "small_part_percent": "Nothing is given here, and it is needed.",
        "weights.demand": "101 is not between 0 and 100.",
        "version": "Nothing is given here, and it is needed.",
    }


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"weight": ["50", *["10"] * 7]}, "weights", "make 120 together, not 100"),
        ({"trend_days": "200"}, "trend_days", "Twice 200 days do not fit into the window"),
        ({"bound": ["300", "300"]}, "bounds_points", "300 does not fit"),
        ({"tier_weight": ["9", "10", "1"]}, "tier_weights", "10 does not fit"),
        ({"tier_weight": ["9", "3"]}, "tier_weights", "2 does not fit"),
        ({"bound": ["1001", "300"]}, "bound-1", "1001 is not between 1 and 1000"),
        ({"version": "a\tb"}, "version", "without control characters"),
    ],
)
def test_what_does_not_fit_together_is_named_at_its_field(changed, where, said):
    found = faults(typed(**changed))
    assert list(found) == [where]
    assert said in found[where]


def test_an_empty_column_stands_for_even_steps_and_another_number_of_tiers_lays_the_table_out():
    policy, _ = policy_form.read(typed(bound=["", ""], tier_weight=["", "", ""]))
    assert (policy.bounds_points, policy.tier_weights) == ((667, 334), (3, 2, 1))
    assert policy_form.laid_out(typed()) == typed()
    wider = policy_form.laid_out(typed(tiers="4"))
    assert wider.rows == [("750", "4"), ("500", "3"), ("250", "2"), ("", "1")]
    assert policy_form.read(wider)[0].tiers == 4
    assert policy_form.laid_out(typed(tiers="many")) == typed(tiers="many")


def test_two_policies_are_told_apart_key_by_key_and_tier_by_tier():
    before, after = (
        ScorePolicy.from_toml(STEEP),
        ScorePolicy.from_toml(
            STEEP.replace("[9, 3, 1]", "[9, 4, 1]") + "window_days = 300\n[guards]\nsmall_floor_percent = 60\n"
        ),
    )
    assert policy_words.changes(before, before) == []
    found = policy_words.changes(before, after)
    assert [(one.key, one.tier, one.before, one.after) for one in found] == [
        ("window_days", None, 364, 300),
        ("tier_weights", 2, 3, 4),
        ("small_floor_percent", None, 50, 60),
    ]
    assert policy_words.told(found, str, "en")[1]["name"] == "Weight of tier 2"
    fewer = policy_words.changes(before, ScorePolicy.from_toml("tiers = 2\n"))
    assert ("tier_weights", 3, 1, None) in [(one.key, one.tier, one.before, one.after) for one in fewer]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_version_is_written_in_words_looked_at_and_counts_in_the_next_run(room, signed_in, language):
    planner = signed_in("planner", name="anna", language=language)
    page = planner.get("/console/scores/policies/new").text
    for key in policy_words.KEYS.values():
        assert f'name="{key.name}"' in page
        assert (key.meaning in page) == (language == "en")
    form = typed(weight=["50", *["10"] * 7]).model_dump()
    refused = planner.post("/console/scores/policies/new", data=form)
    assert refused.status_code == 422
    assert {"en": "make 120 together, not 100", "zh": "合计为 120"}[language] in refused.text
    assert 'value="steep"' in refused.text
    looked = planner.post("/console/scores/policies/new", data=typed(act="show").model_dump())
    assert looked.status_code == 200
    assert {"en": "Weight of tier 1", "zh": "1 档权重"}[language] in looked.text
    with transaction(room.runtime.sessions) as session:
        assert queries.policies(session) == []

    kept = planner.post("/console/scores/policies/new", data=typed().model_dump())

    assert kept.status_code == 303
    shown = planner.get(kept.headers["location"]).text
    assert "tier_weights = [9, 3, 1]" in shown
    assert {"en": "in the next run", "zh": "用于下次评分"}[language] in shown
    listed = planner.get("/console/scores/policies").text
    assert "/console/scores/policies/1" in listed
    assert planner.get("/console/scores/policies/0").status_code == 200
    assert planner.get("/console/scores/policies/9").status_code == 404
    assert signed_in("releaser").get("/console/scores/policies/new").status_code == 403


def test_the_text_itself_is_kept_as_it_was_written_and_refused_with_its_key(room, signed_in):
    planner = signed_in("planner", name="anna")
    text = "# for the small\nmargin_points = 5\n"
    refused = planner.post("/console/scores/policies/new", data={"act": "text", "text": "tiers = 0\n", "reason": "why"})
    assert refused.status_code == 422
    assert "tiers" in refused.text
    assert "outside of 1 to 1000" in refused.text
    no_reason = planner.post("/console/scores/policies/new", data={"act": "text", "text": text, "reason": " "})
    assert no_reason.status_code == 422
    assert "# for the small" in no_reason.text
    assert planner.post("/console/scores/policies/new", data={"act": "text", "text": text, "reason": "why"}).is_redirect
    with transaction(room.runtime.sessions) as session:
        assert queries.policy(session).text == text


def test_who_wrote_a_new_policy_does_not_publish_the_first_run_by_it(room, signed_in):
    both = signed_in("planner", "releaser", name="bo")
    write(room, "margin_points = 5\n", by=RELEASER)
    draft = room.draft()

    assert "Publish as the second person" not in both.get(f"/console/scores/run/{draft.number}").text
    refused = both.post(f"/console/scores/run/{draft.number}/publish")

    assert refused.status_code == 422
    assert "second person" in refused.text
    with transaction(room.runtime.sessions) as session:
        service.publish_run(session, draft.number, _third(), at=room.clock())
    again = room.draft()
    assert room.publish(again.number).state == "published"


def test_a_run_says_what_its_policy_changes_and_who_moves(room, signed_in):
    room.publish(room.draft().number)
    write(room, "tier_moves_max = 30\n[weights]\ndemand = 100\n")
    draft = room.draft()
    page = signed_in("releaser", name="bo").get(f"/console/scores/run/{draft.number}").text
    assert "It counts by another policy than the scores before it" in page
    assert "Moves at most" in page
    moved = {shop: (one.previous_tier, one.earned_tier) for shop, one in room.scores(draft).items()}
    up = sum(before > after for before, after in moved.values())
    assert up
    assert f"↑ {up}" in page
    better = signed_in("planner").get(f"/console/scores/run/{draft.number}?move=up&format=csv").text.splitlines()
    assert len(better) == 1 + up
    parts = signed_in("planner").get(
        f"/console/scores/run/{draft.number}/parts?code=R1", headers={"HX-Request": "true"}
    )
    assert "Your score is" in parts.text
    assert signed_in("planner").get(f"/console/scores/run/{draft.number}/parts?code=R1").status_code == 200
    assert signed_in("planner").get(f"/console/scores/run/{draft.number}/parts?code=R9").status_code == 404


def test_with_another_number_of_tiers_all_are_placed_anew(room):
    room.publish(room.draft().number)
    write(room, STEEP)

    draft = room.draft()

    assert {one.previous_tier for one in room.scores(draft).values()} == {None}
    assert {one.tier for one in room.scores(draft).values()} <= {1, 2, 3}
    assert draft.certificate["previous"] is None
    with transaction(room.runtime.sessions) as session:
        assert making.basis_of(session, draft).previous is None


def _third():
    return type(RELEASER)(9, "dan", frozenset({"releaser"}))
