"""The screens of scores, in both languages: nothing there yet, under way, a draft, published, one shop."""

from dataclasses import replace

import pytest

from server.kit.db import transaction
from server.scores import decision_queries, explaining, making, policies

from .conftest import PLANNER, RELEASER


@pytest.fixture
def people(signed_in):
    return {
        "planner": signed_in("planner", name="anna"),
        "releaser": signed_in("releaser", name="bo"),
        "both": signed_in("planner", "releaser", name="chen"),
    }


def test_nothing_is_scored_before_there_is_a_history(signed_in):
    page = signed_in("planner").get("/console/scores").text
    assert "Nobody was scored yet" in page
    assert "Bring a file in" in page
    assert "Compute a draft" not in page
    assert "还没有评分" in signed_in("planner", language="zh").get("/console/scores").text


def test_a_draft_is_asked_for_looked_at_line_by_line_and_published_by_another_person(room, people):
    with transaction(room.runtime.sessions) as session:
        policies.write_policy(
            session,
            "tier_moves_max = 30\n[guards]\nsmall_floor_percent = 100\n",
            PLANNER,
            reason="help the small",
            at=room.clock(),
        )
    asked = people["planner"].post("/console/scores/make")
    assert asked.status_code == 303
    assert "waits to be computed" in people["planner"].get(asked.headers["location"]).text
    again = people["planner"].post("/console/scores/make")
    assert "Nothing was asked for" in people["planner"].get(again.headers["location"]).text
    assert people["planner"].get("/console/scores/progress").status_code == 200
    (number,) = (run["number"] for run in _runs(people["planner"]))
    making.run(room.runtime, run=str(room.run(number).id))
    assert people["planner"].get("/console/scores/progress").headers["HX-Refresh"] == "true"

    draft = people["releaser"].get(f"/console/scores/run/{number}").text
    assert "A draft has no effect" in draft
    assert "Publish as the second person" in draft
    assert "Publish as the second person" not in people["planner"].get(f"/console/scores/run/{number}").text
    assert "Nothing is known about anybody" in draft
    for change in room.run(number).guards["changes"]:
        assert change["why"]["en"] in draft
    assert room.run(number).guards["changes"]
    assert people["planner"].post(f"/console/scores/run/{number}/publish").status_code == 403
    assert people["releaser"].post(f"/console/scores/run/{number}/publish").status_code == 303
    assert room.run(number).state == "published"
    refused = people["releaser"].post(f"/console/scores/run/{number}/publish")
    assert refused.status_code == 422
    assert "Nothing was done" in refused.text
    assert "In force since" in people["planner"].get("/console/scores").text
    assert people["planner"].get("/console/scores/run/99").status_code == 404


def test_who_asked_is_not_offered_to_publish_and_is_refused(room, people):
    people["both"].post("/console/scores/make")
    (number,) = (run["number"] for run in _runs(people["both"]))
    making.run(room.runtime, run=str(room.run(number).id))

    assert "Publish as the second person" not in people["both"].get(f"/console/scores/run/{number}").text
    refused = people["both"].post(f"/console/scores/run/{number}/publish")
    assert refused.status_code == 422
    assert "second person" in refused.text
    assert room.run(number).state == "draft"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Your score is", "Points by component", "In force since", "E-file")),
        ("zh", ("您的评分为", "各项得分", "起生效", "电子档案")),
    ],
)
def test_a_shop_sees_why_in_both_languages(room, signed_in, language, words):
    found = room.draft()
    person = signed_in("planner", language=language)
    assert person.get("/console/scores/shop?code=R1").status_code == 200
    room.publish(found.number, RELEASER)

    pages = person.get("/console/scores").text + person.get("/console/scores/shop?code=R1").text

    for word in words:
        assert word in pages
    assert "/console/scores/shop?code=R1" in person.get("/console/retailers/file/scores?code=R1").text
    assert person.get("/console/scores/shop?code=NOBODY").status_code == 404


def test_the_list_comes_as_a_file_and_sorts_and_filters(room, signed_in):
    found = room.publish(room.draft().number)
    person = signed_in("planner")

    lines = person.get("/console/scores?format=csv").text.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["R1", "R2", "R3", "R4"]
    turned = person.get(f"/console/scores/run/{found.number}?format=csv&sort=points").text.splitlines()
    assert turned[1].startswith("R4")
    assert len(person.get("/console/scores?format=csv&status=suspended").text.splitlines()) == 1
    assert "shop?code=R1" not in person.get("/console/scores?status=suspended").text


def test_a_decision_is_proposed_and_approved_on_the_shops_page(room, people):
    form = {"code": "R2", "decision": "lowered", "tier": "25", "since": "2026-11-01", "until": "2026-12-01"}
    refused = people["planner"].post("/console/scores/shop/decision", data=form | {"reason": " "})
    assert refused.status_code == 422
    assert "The decision was not kept" in refused.text
    backwards = people["planner"].post(
        "/console/scores/shop/decision", data=form | {"until": "2026-10-01", "reason": "sold to minors"}
    )
    assert "2026-10-01 is not after 2026-11-01" in backwards.text
    kept = people["planner"].post("/console/scores/shop/decision", data=form | {"reason": "sold to minors"})
    assert kept.status_code == 303
    page = people["releaser"].get("/console/scores/shop?code=R2").text
    assert "not approved: no effect" in page
    with transaction(room.runtime.sessions) as session:
        (made,) = decision_queries.decisions(session)
    sent = {"code": "R2", "decision": str(made.id)}
    assert people["planner"].post("/console/scores/shop/approve", data=sent).status_code == 403
    assert people["releaser"].post("/console/scores/shop/approve", data=sent).status_code == 303
    assert people["releaser"].post("/console/scores/shop/approve", data=sent).status_code == 422
    assert "anna and bo" in people["planner"].get("/console/scores/shop?code=R2").text


def _runs(person):
    return person.get("/api/v1/scores/runs", headers={"Accept": "application/json"}).json()


def test_what_waits_for_a_second_person_stands_on_the_first_page_and_above_the_scores(room, people):
    home = "/console/"
    assert "wait for a second person" not in people["releaser"].get(home).text

    number = room.draft().number
    proposed = {"code": "R2", "decision": "suspended", "since": "2026-12-01", "until": "2027-03-01", "reason": "minors"}
    people["planner"].post("/console/scores/shop/decision", data=proposed)

    page = people["releaser"].get(home).text
    assert "Scores that wait for a second person" in page
    assert f'href="/console/scores/run/{number}"' in page
    assert "to be suspended" in page
    assert f"Run #{number} is a draft and waits for a second person" in people["releaser"].get("/console/scores").text

    room.publish(number)
    with transaction(room.runtime.sessions) as session:
        (waiting,) = decision_queries.waiting(session)
    people["releaser"].post("/console/scores/shop/approve", data={"code": "R2", "decision": str(waiting.id)})
    assert "wait for a second person" not in people["releaser"].get(home).text
    assert "is a draft and waits" not in people["releaser"].get("/console/scores").text


def test_a_refused_decision_keeps_what_was_typed(room, people):
    typed = {"code": "R1", "decision": "lowered", "tier": "31", "since": "2026-12-01", "until": "2027-03-01"}

    refused = people["planner"].post("/console/scores/shop/decision", data=typed | {"reason": "sold to minors"})

    assert refused.status_code == 422
    assert "from 1 to 30" in refused.text
    for value in ("31", "2026-12-01", "2027-03-01", "sold to minors"):
        assert f'value="{value}"' in refused.text


def test_a_shops_page_says_figure_and_rank_of_each_component(room, people):
    found = room.publish(room.draft().number)

    assert "400.0 units a month" in people["planner"].get("/console/scores/shop?code=R1").text

    near = replace(room.scores(found)["R1"], compared_with="format")  # formats are not kept
    assert "outlets of your market type." in explaining.why(found.certificate, near, "en")
