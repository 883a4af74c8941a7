"""A dispute about a grant is upheld and made good: proposed, confirmed, carried out in the next books, shown to all."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from factories import send
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from allocation import Policy, Problem, solve
from allocation.carrying import carries_after
from contract.errors import Conflict, Rejected
from contract.feed import Feedback, Grants
from contract.messages import FeedbackAbout, SendFeedback
from server.cycles import crediting, exporting
from server.cycles.crediting import Left, Wanted
from server.cycles.models import BookLine, CycleRow
from server.feedback import queries, remedies, waiting
from server.feedback import service as feedback
from server.feedback.remedies import Remedy
from server.kit import outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import SYSTEM, Operator
from server.operators import service as operators

from .conftest import BOTH, PLANNER, RELEASER, Town

ANSWER: dict[str, Any] = {
    "answer_zh": "您说得对。",
    "answer_en": "You are right.",
    "close": False,
    "decision": "upheld",
}


@pytest.fixture
def disputed(town: Town) -> tuple[Town, UUID, UUID]:
    """R4 asked for 80 of K1, got less, and disputes it; return its cycle and the dispute."""
    with transaction(town.sessions) as session:
        for one in (PLANNER, RELEASER, BOTH):
            operators.add_operator(session, one.name, tuple(one.roles), by=SYSTEM, at=town.clock.now)
    cycle = town.published()
    return town, cycle, dispute(town, cycle)


def dispute(town: Town, cycle: UUID, shop: str = "R4", sku: str = "K1") -> UUID:
    said = SendFeedback(
        kind="complaint",
        category="grant",
        words="We sold more.",
        about=FeedbackAbout(sort="grant", name=f"{cycle}/{sku}"),
    )
    with transaction(town.sessions) as session:
        receipt = send(session, town.devices[shop], "feedback.send", said, at=town.clock.now)
        assert receipt.outcome == "accepted", receipt
        return receipt.message


def act(town: Town, what: Callable[..., Any], about: UUID, by: Operator, **more: Any) -> Any:
    with transaction(town.sessions) as session:
        return what(session, about, by, at=town.clock.now, **more)


def upheld(town: Town, about: UUID, units: int) -> None:
    assert act(town, remedies.answer, about, PLANNER, **ANSWER, remedy=Remedy(units=units)) is False
    act(town, remedies.confirm, about, RELEASER)


def told(town: Town, about: UUID, shop: str = "R4") -> Feedback:
    with transaction(town.sessions) as session:
        (item,) = outbox.current(session, shop, f"feedback:{about}")
        return Feedback.model_validate(item.data)


def line(town: Town, cycle: UUID, shop: str = "R4", sku: str = "K1") -> Any:
    with transaction(town.sessions) as session:
        (item,) = outbox.current(session, shop, f"grants:{cycle}:")
        return next(one for one in Grants.model_validate(item.data).lines if one.sku == sku)


def carried(town: Town, cycle: UUID, shop: str) -> int:
    with transaction(town.sessions) as session:
        named = BookLine.cycle == cycle, BookLine.retailer == shop, BookLine.sku == "K1"
        return session.scalars(select(BookLine.carry_thousandths).where(*named)).one()


def next_cycle(town: Town) -> UUID:
    town.clock.advance(days=7)
    return town.published()


def test_what_is_proposed_is_told_to_nobody_before_a_second_person_confirms_it(disputed):
    town, _, about = disputed
    assert act(town, remedies.answer, about, PLANNER, **ANSWER, remedy=Remedy(units=20)) is False
    assert (told(town, about).state, told(town, about).answer, told(town, about).decision) == ("looked_at", None, None)
    for refused in (
        lambda: act(town, remedies.answer, about, PLANNER, **ANSWER | {"decision": "dismissed"}),
        lambda: act(town, feedback.answer, about, PLANNER, **ANSWER | {"decision": "dismissed"}),
    ):
        with pytest.raises(Conflict, match="waits for a second person"):
            refused()
    with pytest.raises(Rejected, match="second person must do this: anna"):
        act(town, remedies.confirm, about, replace(PLANNER, roles=RELEASER.roles))
    with transaction(town.sessions) as session:
        assert [one.state for one in waiting.of(session, RELEASER, town.clock.now)] == ["proposed"]
    act(town, remedies.confirm, about, RELEASER)
    item = told(town, about)
    assert (item.state, item.decision, item.answer.en) == ("answered", "upheld", "You are right.")
    assert (item.remedy.sort, item.remedy.sku, item.remedy.units) == ("credit", "K1", 20)
    with pytest.raises(Conflict, match="proposed"):
        act(town, remedies.confirm, about, RELEASER)


def test_a_remedy_is_not_confirmed_by_an_older_page_once_another_one_waits(disputed, signed_in):
    town, _, about = disputed
    place, api = f"/console/feedback/{about}", f"/api/v1/feedback/{about}"
    releaser, shown = signed_in("releaser", name=RELEASER.name), []
    for units in (10, 20):
        act(town, remedies.answer, about, PLANNER, **ANSWER, remedy=Remedy(units=units))
        hidden = re.search(r'remedy/confirm"[^>]*>.*?name="seen" value="([^"]+)"', releaser.get(place).text)
        assert hidden is not None
        assert releaser.get(api).json()["remedies"][0]["id"] == hidden[1]
        shown.append(hidden[1])
        if units == 10:
            act(town, remedies.hand_back, about, RELEASER, why="a pack more was lacking")
        town.clock.advance(minutes=1)
    assert "was changed meanwhile" in releaser.post(f"{place}/remedy/confirm", data={"seen": shown[0]}).text
    late = releaser.post(f"{api}/remedy/confirm", headers={"Accept": "application/json", "If-Match": shown[0]})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    assert told(town, about).state == "looked_at"
    assert releaser.post(f"{place}/remedy/confirm", data={"seen": shown[1]}).status_code == 303
    assert told(town, about).remedy.units == 20


@pytest.mark.slow
def test_a_credit_of_two_packs_is_carried_out_by_the_next_two_books_and_stands_in_the_record(disputed, tmp_path):
    town, _, about = disputed
    upheld(town, about, 20)
    second = next_cycle(town)
    with transaction(town.sessions) as session:
        (credit,) = crediting.of_feedback(session, queries.feedback(session, about).number)
    brought = carried(town, second, "R4")
    assert brought == 1000, "a pack at most in one cycle"
    credited = line(town, second).credited_thousandths
    assert 0 < credited <= 1000
    assert credit.taken[0].units == round(credited / 100)
    assert (credit.units, credit.left_units) == (20, 20 - credit.taken[0].units)
    assert {carried(town, second, shop) for shop in ("R1", "R2", "R3")}.isdisjoint({1000}), "nobody else's"
    assert line(town, second, "R1").credited_thousandths is None

    with transaction(town.sessions) as session:
        exporting.write(session, second, tmp_path)
    assert exporting.check(tmp_path).holds
    rows = list(csv.reader((tmp_path / exporting.CREDITS).read_text(encoding="utf-8").splitlines()))
    assert rows == [["retailer", "sku", "because", "number", "carry"], ["R4", "K1", "feedback", "1", str(credited)]]
    requests = tmp_path / "problem" / "requests.csv"
    without = requests.read_text().replace(",1000\n", ",0\n")
    assert without != requests.read_text()
    requests.write_text(without)
    assert not exporting.check(tmp_path).holds, "what was credited is part of what is proven"

    third = next_cycle(town)
    with transaction(town.sessions) as session:
        (credit,) = crediting.of_feedback(session, 1)
    assert [one.cycle for one in credit.taken] == [second, third] or credit.left_units == 0
    with pytest.raises(DBAPIError, match="permission denied"), transaction(town.sessions) as session:
        session.execute(text("UPDATE credits SET units = 99"))


def granted_within_weeks(credited_units: int) -> int:
    """Share out what forty shops are short of for four weeks; return what one of them got, credited or not."""
    shops = [f"R{number:02}" for number in range(40)]
    carry, due, total, mine = dict.fromkeys(shops, 0), credited_units * 1000, 0, shops[3]
    for _ in range(4):
        owed = [Left(UUID(int=1), 1, due)] if due else []
        taken = crediting.parts((mine, "K1"), owed, 10, carry[mine])
        due -= sum(part.carry_thousandths * part.pack_units for part in taken)
        carry[mine] += sum(part.carry_thousandths for part in taken)
        problem = Problem.from_columns(
            {
                "retailer": shops,
                "sku": ["K1"] * len(shops),
                "requested": [60] * len(shops),
                "weight": [10 + number % 7 for number in range(len(shops))],
                "carry": list(carry.values()),
            },
            {"sku": ["K1"], "supply": [17 * len(shops)], "pack": [10]},
        )
        result = solve(problem, Policy(seed="ab" * 32))
        total += int(result.granted[shops.index(mine)])
        carry = dict(zip(shops, carries_after(problem, result).tolist(), strict=True))
    return total


def test_a_credit_brings_as_many_goods_as_it_says_within_weeks():
    without = granted_within_weeks(0)
    assert [granted_within_weeks(units) - without for units in (10, 20, 30)] == [10, 20, 30]


@pytest.mark.slow
def test_what_a_cycle_took_that_is_called_off_is_due_again(disputed):
    town, _, about = disputed
    upheld(town, about, 10)
    town.clock.advance(days=7)
    second = town.verified()
    with transaction(town.sessions) as session:
        (credit,) = crediting.of_feedback(session, 1)
        taken = credit.taken[0].units
        assert taken > 0
        session.execute(update(CycleRow).where(CycleRow.id == second).values(state="called_off"))
    with transaction(town.sessions) as session:
        (credit,) = crediting.of_feedback(session, 1)
        assert (credit.taken, credit.left_units) == ((), 10)


def test_no_more_is_credited_than_the_line_lacked_however_often_it_is_disputed(disputed):
    town, cycle, about = disputed
    here = line(town, cycle)
    short = here.requested_units - here.granted_units
    for units in (0, short + 1):
        with pytest.raises(Rejected, match=f"at most {short} can"):
            act(town, remedies.answer, about, PLANNER, **ANSWER, remedy=Remedy(units=units))
    other = dispute(town, cycle)
    assert act(town, remedies.answer, other, PLANNER, **ANSWER, remedy=Remedy(units=short)) is False
    upheld(town, about, short - 1)
    with pytest.raises(Rejected, match="at most 1 can"):
        act(town, remedies.confirm, other, RELEASER)
    act(town, remedies.hand_back, other, RELEASER, why="it was credited already")
    with transaction(town.sessions) as session:
        assert [one.state for one in queries.remedies(session, other)] == ["returned"]
    upheld(town, other, 1)
    assert told(town, other).remedy.units == 1


def test_nothing_is_made_good_for_a_reason_that_the_shop_reads(disputed):
    town, _, about = disputed
    with pytest.raises(Rejected, match="say with the answer how it is made good"):
        act(town, remedies.answer, about, PLANNER, **ANSWER)
    with pytest.raises(Rejected, match="say with the answer how it is made good"):
        act(town, feedback.answer, about, PLANNER, **ANSWER)
    with pytest.raises(Invalid):
        act(town, remedies.answer, about, PLANNER, **ANSWER, remedy=Remedy())
    with pytest.raises(Rejected, match="nothing is to be made good"):
        act(town, remedies.answer, about, PLANNER, **ANSWER | {"decision": "dismissed"}, remedy=Remedy(units=1))
    nothing = Remedy(because_zh="货已到店。", because_en="The goods have come since.")
    act(town, remedies.answer, about, PLANNER, **ANSWER | {"close": True}, remedy=nothing)
    act(town, remedies.confirm, about, RELEASER)
    item = told(town, about)
    assert (item.state, item.remedy.sort, item.remedy.because.zh) == ("closed", "none", "货已到店。")
    with transaction(town.sessions) as session:
        assert crediting.of_feedback(session, item.number) == []


def test_the_oldest_is_taken_in_first_up_to_a_pack_and_a_part_of_a_thousandth_counts_for_the_shop():
    first, second = UUID(int=1), UUID(int=2)
    due = [Left(first, 1, 1_000), Left(second, 2, 20_000)]
    taken = crediting.parts(("R1", "K1"), due, 7, -100)
    assert [(one.credit, one.carry_thousandths) for one in taken] == [(first, 143), (second, 957)]
    assert crediting.parts(("R1", "K1"), due, 7, 1000) == []


def test_an_appeals_credit_is_in_thousandths_of_a_pack_and_what_a_full_pack_leaves_of_it_waits():
    due = [Left(UUID(int=3), 5, 500, "appeal"), Left(UUID(int=1), 1, 1_000)]
    taken = crediting.parts(("R1", "K1"), due, 10, 300)
    assert [(one.because, one.number, one.carry_thousandths) for one in taken] == [
        ("appeal", 5, 500),
        ("feedback", 1, 100),
    ]
    assert [one.carry_thousandths for one in crediting.parts(("R1", "K1"), due, 10, 800)] == [200]


def test_the_database_wants_two_persons_and_one_proposal_at_a_time(disputed):
    town, cycle, about = disputed
    act(town, remedies.answer, about, PLANNER, **ANSWER, remedy=Remedy(units=20))
    for change in (
        "UPDATE feedback_remedies SET state = 'confirmed', decided_by = author, decided_at = now()",
        (
            "INSERT INTO feedback_remedies SELECT gen_random_uuid(), feedback, retailer, units, answer, because,"
            " closes, author, at, state, decided_by, decided_at FROM feedback_remedies"
        ),
    ):
        with pytest.raises(IntegrityError), transaction(town.sessions) as session:
            session.execute(text(change))
    wanted = Wanted(cycle, "R4", "K1", 10)
    with pytest.raises(Rejected, match="second person"), transaction(town.sessions) as session:
        crediting.give(session, about, wanted, feedback=1, author="bo", by=RELEASER, at=town.clock.now)


WORDS = {
    "en": {"credit": "as a credit", "waits": "a second person is to confirm it", "done": "carried out in cycle #2"},
    "zh": {"credit": "计入补还", "waits": "待第二人确认", "done": "已在周期 #2 兑现"},
}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_case_shows_its_remedy_from_the_proposal_to_the_cycle_that_carried_it_out(disputed, signed_in, language):
    town, _, about = disputed
    said = WORDS[language]
    place = f"/console/feedback/{about}"
    planner, releaser = (
        signed_in(role, name=name, language=language) for role, name in (("planner", "cleo"), ("releaser", "dora"))
    )
    form = {"decision": "credit", "answer_en": "You are right.", "units": "x"}
    assert planner.post(f"{place}/answer", data=form).status_code == 422
    assert planner.post(f"{place}/answer", data=form | {"units": "9999"}).status_code == 422
    assert planner.post(f"{place}/answer", data=form | {"units": "10"}).status_code == 303
    page = planner.get(place).text
    assert said["credit"] in page
    assert said["waits"] in page
    assert f"{place}/remedy/confirm" not in page
    assert planner.post(f"{place}/remedy/confirm").status_code == 403
    assert releaser.post(f"{place}/remedy/return", data={"why": " "}).status_code == 422
    assert place in releaser.get("/console/today/voices").text
    assert said["waits"] in releaser.get("/console/feedback/mine").text
    assert releaser.post(f"{place}/remedy/return", data={"why": "less"}).status_code == 303
    assert planner.post(f"{place}/answer", data=form | {"units": "5"}).status_code == 303
    assert releaser.post(f"{place}/remedy/confirm").status_code == 303
    following = next_cycle(town)
    planner = signed_in("planner", name="cleo", language=language)
    page = planner.get(place).text
    assert said["done"] in page
    assert f"/console/cycles/{following}/explain?retailer=R4" in page
    status = planner.get(f"/api/v1/feedback/{about}").json()
    assert [one["state"] for one in status["remedies"]] == ["confirmed", "returned"]
    assert status["remedies"][0]["credit"]["taken"][0]["cycle"] == str(following)
    assert "#1" in planner.get(f"/console/cycles/{following}/explain?retailer=R4").text
