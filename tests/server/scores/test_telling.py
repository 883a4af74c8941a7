"""What the shops are told of a publication: once it is in force, each its own, and never of a run that is none."""

from contract.feed import Score
from server import solver
from server.kit import outbox
from server.kit.db import transaction
from server.scores import service, telling


def told(room, shop):
    with transaction(room.runtime.sessions) as session:
        items, _ = outbox.read(session, shop, after=0)
        return [Score.model_validate(item.data) for item in items if item.kind == "score"]


def test_each_shop_is_told_its_own_score_and_why_in_both_languages(room):
    found = room.publish(room.draft().number)
    assert service.TELL in room.queued()
    assert told(room, "R1") == []

    solver.TASKS[service.TELL](room.runtime, number=found.number)
    solver.TASKS[service.TELL](room.runtime, number=found.number)

    (mine,), (other,) = told(room, "R1"), told(room, "R4")
    own = room.scores(found)["R1"]
    assert (mine.run, mine.tier, mine.weight, mine.points) == (
        found.number,
        own.tier,
        own.weight,
        own.score_milli / 1000,
    )
    assert mine.points > other.points
    assert "Your score is" in mine.why.en
    assert "您的评分为" in mine.why.zh
    assert [part.name.en for part in mine.parts] == ["demand", "trend"]
    assert sum(part.points for part in mine.parts) == mine.points


def test_of_a_draft_and_of_scores_that_others_replaced_nobody_is_told(room):
    first = room.draft()
    telling.run(room.runtime, number=first.number)
    assert told(room, "R1") == []
    room.publish(first.number)
    second = room.publish(room.draft().number)

    telling.run(room.runtime, number=first.number)

    assert told(room, "R1") == []
    telling.run(room.runtime, number=second.number)
    assert told(room, "R1")[0].run == second.number
