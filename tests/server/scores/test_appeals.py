"""An appeal from the shop's words to the corrected run that is published, and every way in which it is refused."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from factories import make_device, make_retailer, send
from sqlalchemy.exc import IntegrityError

from contract.errors import Conflict, Refusal, Rejected
from contract.feed import Appeal
from contract.messages import AppealScore
from server.forecasts import queries as forecasts
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.scores import answering, appeal_queries, appeals, fact_queries, facts, remedies, service, telling
from server.scores.models import AppealRow

from .conftest import PLANNER, RELEASER, month

CHEN = Operator(3, "chen", frozenset({"planner", "releaser"}))
OCTOBER = date(2026, 10, 1)


class Desk:
    """What shops and people do about appeals; every act is a transaction of its own."""

    def __init__(self, room):
        self.room = room
        self.run = room.publish(room.draft().number)
        with transaction(room.runtime.sessions) as session:
            self.senders = {shop: make_device(session, shop) for shop in ("R3", "R4")}

    def appeal(self, component="demand", shop="R4", **said):
        message = AppealScore(run=said.pop("run", self.run.number), component=component, **said)
        with transaction(self.room.runtime.sessions) as session:
            return send(session, self.senders[shop], "score.appeal", message, at=self.room.clock())

    def kept(self, **said) -> UUID:
        receipt = self.appeal(**said)
        assert receipt.outcome == "accepted", receipt
        return receipt.message

    def answer(self, appeal, verdict="dismissed", remedy=None, by=PLANNER, zh="", en="The sums are right."):
        with transaction(self.room.runtime.sessions) as session:
            given = {"answer_zh": zh, "answer_en": en, "remedy": remedy}
            now = self.room.clock()
            return answering.answer_appeal(session, appeal, verdict, by, **given, at=now, today=now.date())

    def uphold(self, appeal, *changes):
        self.answer(appeal, "upheld", remedies.Figures(sort="figures", changes=changes), en="Booked too low.")
        self.approve(appeal)

    def approve(self, appeal, by=RELEASER):
        with transaction(self.room.runtime.sessions) as session:
            now = self.room.clock()
            answering.approve_answer(session, appeal, by, at=now, today=now.date())

    def told(self, appeal, shop="R4") -> Appeal:
        with transaction(self.room.runtime.sessions) as session:
            items, _ = outbox.read(session, shop, after=0)
            return next(Appeal.model_validate(one.data) for one in items if one.key == f"appeal:{appeal}")

    def trail(self, number):
        with transaction(self.room.runtime.sessions) as session:
            return [one.action for one in reversed(audit.entries(session, subject=f"appeal:{number}"))]


def sales(units, period=OCTOBER, product_class="goods", **changed):
    return remedies.MonthOfSales(facts="sales", product_class=product_class, period=period, sold_units=units, **changed)


@pytest.fixture
def desk(room):
    return Desk(room)


def test_an_appeal_from_a_terminal_is_receipted_with_its_number_and_told_with_its_deadline(desk):
    receipt = desk.appeal(words="October was 420", figure=420)

    told = desk.told(receipt.message)
    assert (told.number, told.state, told.component) == (receipt.number, "received", "demand")
    assert (told.words, told.figure, told.by_telephone) == ("October was 420", 420, False)
    assert told.answer_until == date(2026, 12, 10)
    assert (told.answer, told.figures) == (None, ())
    assert desk.trail(receipt.number) == ["score.appealed"]


def test_one_open_appeal_a_part_and_another_once_it_is_answered(desk):
    first = desk.kept()
    assert desk.appeal().code == "already_appealed"
    assert desk.appeal(component=None).outcome == "accepted"
    assert desk.appeal(shop="R3").outcome == "accepted"

    desk.answer(first)

    assert desk.appeal().outcome == "accepted"


def test_the_database_holds_one_open_appeal_a_part_too(desk, session):
    appeal = appeal_queries.appeal(session, desk.kept())
    session.add(
        AppealRow(
            id=UUID(int=1),
            retailer="R4",
            run=appeal.run,
            component="demand",
            words="",
            by="device:x",
            at=appeal.at,
            answer_until=appeal.answer_until,
            state="received",
        )
    )
    with pytest.raises(IntegrityError, match="uq_score_appeals_open"):
        session.flush()
    session.rollback()


def test_what_cannot_be_appealed_against_is_refused(desk, room):
    draft = room.draft()
    with transaction(room.runtime.sessions) as session:
        make_retailer(session, "R9")
        desk.senders["R9"] = make_device(session, "R9")

    assert desk.appeal(run=99).code == "unknown_scores"
    assert desk.appeal(run=draft.number).code == "unknown_scores"
    assert desk.appeal(component="payment").code == "unknown_part"
    assert desk.appeal(shop="R9").code == "not_scored"


def test_after_the_period_an_appeal_is_refused_with_what_can_be_done_instead(desk, room):
    room.clock.now = desk.run.appeals_close_at
    assert desk.appeal().params == {"until": desk.run.appeals_until.isoformat()}
    assert desk.appeal().code == "appeals_over"


def test_the_publisher_says_how_long_appeals_are_taken(room):
    draft = room.draft()
    with transaction(room.runtime.sessions) as session:
        with pytest.raises(Rejected, match="3 to 60 days"):
            service.publish_run(session, draft.number, RELEASER, at=room.clock(), appeal_days=2)
        found = service.publish_run(
            session, draft.number, RELEASER, at=room.clock(), appeal_days=30, zone=room.runtime.settings.tz
        )
        assert found.appeals_until == date(2026, 12, 25)


def test_an_appeal_on_the_telephone_is_recorded_as_such(desk, room):
    said = AppealScore(run=desk.run.number, component="trend", words="called at noon")
    with transaction(room.runtime.sessions) as session:
        made = appeals.enter_appeal(session, "R4", said, PLANNER, at=room.clock())
        assert appeal_queries.appeal(session, made).by == "operator:anna"

    assert desk.told(made).by_telephone


def test_it_is_looked_at_by_a_person_who_did_not_publish_the_scores(desk, room):
    appeal = desk.kept()
    with transaction(room.runtime.sessions) as session:
        with pytest.raises(Rejected, match="bo published"):
            appeals.look_at(session, appeal, "bo", PLANNER, at=room.clock())
        appeals.look_at(session, appeal, "anna", PLANNER, at=room.clock())

    assert desk.told(appeal).state == "looked_at"


def test_a_dismissal_comes_with_words_and_the_published_figures(desk):
    appeal = desk.kept()
    with pytest.raises(Invalid):
        desk.answer(appeal, en=" ")
    with pytest.raises(Rejected, match="bo published"):
        desk.answer(appeal, by=Operator(2, "bo", frozenset({"planner"})))

    desk.answer(appeal)

    told = desk.told(appeal)
    (figures,) = told.figures
    assert (told.state, told.answer.zh, told.answer.en) == ("dismissed", "The sums are right.", "The sums are right.")
    assert (figures.component, figures.rank, figures.peers, figures.periods) == ("demand", 4, 4, 11)
    assert (figures.raw.en, figures.raw.zh) == ("100.0 units a month", "每月 100.0 件")
    assert (figures.above, figures.below, told.remedy) == (None, None, None)
    assert desk.trail(told.number) == ["score.appealed", "score.appeal_dismissed"]
    with pytest.raises(Conflict, match="dismissed"):
        desk.answer(appeal)


def test_among_enough_others_it_is_told_what_the_next_ones_have_and_never_who(room):
    with transaction(room.runtime.sessions) as session:
        for number in range(5, 9):
            make_retailer(session, f"R{number}", tier=15)
    room.bring(*(month(f"R{number}", ahead, 10 * number) for number in range(5, 9) for ahead in range(12)))
    desk = Desk(room)
    appeal = desk.kept(component=None)

    desk.answer(appeal)

    whole, demand, _ = desk.told(appeal).figures
    assert (demand.rank, demand.peers) == (4, 8)
    assert (demand.above.en, demand.below.en) == ("200.0 units a month", "80.0 units a month")
    assert whole.component is None
    assert whole.above.en.endswith("points")
    assert "R3" not in desk.told(appeal).model_dump_json()


def test_an_upheld_appeal_changes_nothing_before_a_second_person_approved_it(desk, room):
    appeal = desk.kept()
    with pytest.raises(Rejected, match="names what is changed"):
        desk.answer(appeal, "upheld")
    desk.answer(appeal, "upheld", remedies.Figures(sort="figures", changes=(sales(420),)))

    assert desk.told(appeal).state == "looked_at"
    with transaction(room.runtime.sessions) as session:
        assert forecasts.history(session, "R4")["goods"][-1].sold_units == 100
    with pytest.raises(Rejected, match="second person"):
        desk.approve(appeal, PLANNER)
    with pytest.raises(Conflict, match="proposed"):
        desk.answer(appeal)


def test_an_answer_waits_for_everybody_but_its_author_whoever_looked_at_the_appeal(desk, room):
    appeal, looking = desk.kept(), Operator(9, "eve", frozenset({"releaser"}))
    with transaction(room.runtime.sessions) as session:
        appeals.look_at(session, appeal, looking.name, looking, at=room.clock())
    desk.answer(appeal, "upheld", remedies.Figures(sort="figures", changes=(sales(420),)))

    with transaction(room.runtime.sessions) as session:
        both = [replace(one, roles=frozenset({"releaser"})) for one in (PLANNER, looking)]
        waiting = [[one.id for one in appeal_queries.waiting_for(session, who, limit=9)] for who in both]
    assert waiting == [[], [appeal]]


def test_a_corrected_figure_is_a_new_version_with_author_reason_and_appeal(desk, room):
    appeal = desk.kept()
    desk.uphold(appeal, sales(420))

    with transaction(room.runtime.sessions) as session:
        versions = forecasts.cell_versions(session, "R4", "goods", OCTOBER)
        (corrected,) = appeal_queries.corrections(session, [appeal])[appeal]
    told = desk.told(appeal)
    assert [cell.sold_units for cell, _ in versions] == [420, 100]
    assert versions[0][0].source == f"appeal:{told.number}"
    assert (corrected.before["sold_units"], corrected.after["sold_units"]) == (100, 420)
    assert (corrected.author, corrected.approver, corrected.reason) == ("anna", "bo", "Booked too low.")
    assert (told.state, told.corrected_in) == ("upheld", None)
    assert told.remedy.en == "2026-10 goods: units sold 100, now 420"
    assert "100" in told.remedy.zh
    assert desk.trail(told.number)[-2:] == ["score.appeal_upheld_proposed", "score.appeal_upheld"]


def test_the_corrected_run_starts_where_the_corrected_one_did_and_takes_its_place(desk, room):
    with pytest.raises(Conflict, match="has corrected a figure"), transaction(room.runtime.sessions) as session:
        service.ask_correction(session, desk.run.number, PLANNER, at=room.clock())
    appeal = desk.kept()
    room.clock.advance(hours=1)
    desk.uphold(appeal, *(sales(420, date(2026, month, 1)) for month in range(4, 11)))
    room.clock.advance(days=10)  # in the next month, and still of the day of the corrected run
    with transaction(room.runtime.sessions) as session:
        number = service.ask_correction(session, desk.run.number, PLANNER, at=room.clock())
    corrected = room.work(number)

    assert (corrected.state, corrected.corrects, corrected.as_of) == ("draft", desk.run.number, desk.run.as_of)
    assert corrected.previous == desk.run.previous
    before, after = room.scores(desk.run)["R4"], room.scores(corrected)["R4"]
    assert after.score_milli > before.score_milli
    assert after.previous_tier == before.previous_tier
    with pytest.raises(Rejected, match="second person"):
        room.publish(number, PLANNER)
    room.publish(number)
    telling.run(room.runtime, number=number)
    assert desk.told(appeal).corrected_in == number
    with pytest.raises(Conflict, match="not in force"), transaction(room.runtime.sessions) as session:
        service.ask_correction(session, desk.run.number, PLANNER, at=room.clock())


def test_a_correction_is_not_published_once_other_scores_are_in_force(desk, room):
    desk.uphold(desk.kept(), sales(420))
    with transaction(room.runtime.sessions) as session:
        number = service.ask_correction(session, desk.run.number, PLANNER, at=room.clock())
    room.work(number)
    room.publish(room.draft().number)

    with pytest.raises(Conflict, match="changed meanwhile"):
        room.publish(number)


def test_facts_are_corrected_by_a_version_beside_the_others(desk, room):
    with transaction(room.runtime.sessions) as session:
        told = {"accepted": False, "skus": (), "by": "device:till-1", "at": room.clock()}
        facts.note_delivery(session, "R4", "delivery:1", **told)
    room.clock.advance(days=10)
    desk.run = room.publish(room.draft().number)
    november = {"facts": "deliveries", "period": date(2026, 11, 1)}
    appeal = desk.kept(component="acceptance")
    impossible = remedies.Figures(sort="figures", changes=(remedies.MonthOfFacts(whole=1, part=2, **november),))
    with pytest.raises(Rejected, match="2 cannot be a part of 1"):
        desk.answer(appeal, "upheld", impossible)

    desk.uphold(appeal, remedies.MonthOfFacts(whole=1, part=1, **november))

    with transaction(room.runtime.sessions) as session:
        newest, first = fact_queries.versions_of(session, "deliveries", "R4", date(2026, 11, 1))
    number = desk.told(appeal).number
    assert (newest.source, newest.by, newest.whole, newest.part) == (f"appeal:{number}", "operator:anna", 1, 1)
    assert (first.whole, first.part) == (1, 0)
    assert "deliveries accepted 0, now 1" in desk.told(appeal).remedy.en
    corrected = next(part for part in room.scores(room.draft())["R4"].parts if part["component"] == "acceptance")
    assert (corrected["numerator"], corrected["denominator"]) == ("1", "1")


IMPOSSIBLE = [
    (sales(100), "nothing_corrected"),
    (sales(420, product_class="none such"), "unknown_class"),
    (sales(420, date(2026, 11, 1)), "correction_late"),
    (sales(420, date(2026, 10, 2)), "correction_late"),
]


def test_a_remedy_that_could_not_be_carried_out_is_refused_at_once(desk):
    appeal = desk.kept()
    for change, code in IMPOSSIBLE:
        with pytest.raises(Refusal) as refused:
            desk.answer(appeal, "upheld", remedies.Figures(sort="figures", changes=(change,)))
        assert (change, refused.value.code) == (change, code)


def test_a_decision_ends_where_an_appeal_is_upheld(desk, room):
    made = room.decide("R4", "suspended", None, date(2026, 11, 1), date(2027, 3, 1))
    other = room.decide("R3", "suspended", None, date(2026, 11, 1), date(2027, 3, 1))
    appeal = desk.kept(component=None)
    today = room.clock().date()
    with pytest.raises(Rejected, match="not of this shop"):
        desk.answer(appeal, "upheld", remedies.EndOfDecision(sort="end", decision=other, ends=today))
    desk.answer(appeal, "upheld", remedies.EndOfDecision(sort="end", decision=made, ends=today), zh="认定有误。", en="")
    assert room.standings(desk.run, ["R4"], today)["R4"].suspended is not None

    desk.approve(appeal)

    assert room.standings(desk.run, ["R4"], today)["R4"].suspended is None
    told = desk.told(appeal)
    assert told.remedy.en == "The suspension ends: from 2026-11-25 on it holds no longer."
    assert told.answer.en == "认定有误。"


def test_an_answer_that_is_handed_back_stays_and_another_is_given(desk, room):
    appeal = desk.kept()
    desk.answer(appeal, "upheld", remedies.Figures(sort="figures", changes=(sales(420),)))
    with transaction(room.runtime.sessions) as session:
        answering.return_answer(session, appeal, RELEASER, why="look at the receipts again", at=room.clock())
    desk.answer(appeal)

    with transaction(room.runtime.sessions) as session:
        newest, first = sorted(appeal_queries.answers(session, appeal), key=lambda one: one.verdict)
        assert (newest.verdict, first.returned_by) == ("dismissed", "bo")
    assert desk.told(appeal).state == "dismissed"


def test_open_appeals_come_first_by_their_deadline(desk, room):
    first = desk.kept()
    room.clock.advance(days=2)
    second = desk.kept(component="trend")
    third = desk.kept(component=None)
    desk.answer(first)
    with transaction(room.runtime.sessions) as session:
        found = appeal_queries.appeals(session)
        totals = appeal_queries.totals(session, run=desk.run.number)
    assert [one.id for one in found] == [second, third, first]
    assert (totals.appeals, totals.open, totals.until) == (3, 2, date(2026, 12, 12))
