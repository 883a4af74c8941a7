"""What a shopkeeper does, offline and against the clock."""

from datetime import timedelta
from typing import Any

import pytest

from contract.errors import Conflict, Rejected
from contract.feed import Announcement, Choice, Delivery, OnlyIf, Question, ShippedLine, Survey
from contract.messages import Answer, OrderLine
from terminal_client.core import drafts, orders, outbox, use_cases
from terminal_client.core.delivery_rules import AS_LISTED, Count
from terminal_client.core.views import deliveries, notices, order_screen

GOLD = [OrderLine(sku="GOLD", quantity_units=12)]


@pytest.fixture
def window(world: Any, make: Any) -> Any:
    """An open window, and a catalogue with one item."""
    world.server.reference = make.reference(make.item())
    announced = make.window(world)
    world.run(2)
    return announced


def test_a_draft_survives_a_power_cut_at_any_tap(world: Any, window: Any) -> None:
    use_cases.step_draft_line(world.shop, window.window, "GOLD", up=True)
    use_cases.set_draft_line(world.shop, window.window, "BLUE", 13)
    world.restart()
    lines = {line.sku: line.quantity_units for line in drafts.read(world.store, window.window).lines}
    assert lines == {"GOLD": 12, "BLUE": 13}


def test_an_order_that_cannot_be_queued_leaves_no_half_behind(world: Any, window: Any) -> None:
    many = [OrderLine(sku=f"SKU-{n:040}", quantity_units=1) for n in range(900)]
    with pytest.raises(Rejected) as refused:
        use_cases.place_order(world.shop, window.window, many)
    assert refused.value.code == "too_large"
    assert outbox.count_waiting(world.store) == 0
    assert orders.read_all(world.store) == []


def test_a_draft_is_submitted_in_one_transaction(world: Any, window: Any) -> None:
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 12)
    before, said = world.store.revision, []
    world.said = lambda _message: said.append(world.store.revision - before)
    use_cases.submit_draft(world.shop, window.window)
    assert said == [1]


def test_the_draft_stays_until_the_order_is_accepted(world: Any, window: Any) -> None:
    world.wires.http_works = False
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 12)
    use_cases.submit_draft(world.shop, window.window)
    assert drafts.read(world.store, window.window).lines == tuple(GOLD)
    with pytest.raises(Conflict):
        use_cases.set_draft_line(world.shop, window.window, "GOLD", 24)
    world.wires.http_works = True
    world.run(60)
    assert drafts.read(world.store, window.window) == drafts.Draft(window.window)


def test_a_slow_terminal_stops_at_the_servers_close_and_not_at_its_own(world: Any, make: Any) -> None:
    world.clock.slow_ms = 300_000
    world.restart()
    window = make.window(world, closes_in=timedelta(seconds=60))
    world.run(1)
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 12)
    world.clock.forward(58_900)
    assert order_screen.read(world.store, world.shop.clock).can_submit
    world.clock.forward(100)
    screen = order_screen.read(world.store, world.shop.clock)
    assert (screen.window.phase, screen.can_submit) == ("closed", False)
    with pytest.raises(Rejected) as refused:
        use_cases.submit_draft(world.shop, window.window)
    assert refused.value.code == "window_closed"
    assert drafts.read(world.store, window.window).lines == tuple(GOLD)


def test_a_late_order_is_refused_once_and_its_draft_can_still_be_read(world: Any, window: Any) -> None:
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 12)
    world.server.decide = lambda _kind, _envelope: ("window_closed", {"closed_at": window.closes_at.isoformat()})
    message = use_cases.submit_draft(world.shop, window.window)
    world.wires.all_travel()
    world.restart()
    world.run(3600)
    assert [entry.id for entry in outbox.refused(world.store)] == [message]
    assert [id_ for _, kind, id_ in world.wires.sent if kind == "order.place"] == [message]
    assert drafts.read(world.store, window.window).lines == tuple(GOLD)
    screen = order_screen.read(world.store, world.shop.clock)
    assert screen.refusal is not None
    assert screen.refusal.code == "window_closed"
    use_cases.deal_with(world.shop, message)
    assert outbox.refused(world.store) == []
    assert outbox.find(world.store, message).state == "refused"


def test_a_refused_amendment_leaves_the_accepted_order_as_it_was(world: Any, window: Any) -> None:
    order = use_cases.place_order(world.shop, window.window, GOLD)
    world.wires.all_travel()
    use_cases.begin_amending(world.shop, order)
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 24)
    world.server.decide = lambda _kind, _envelope: ("window_closed", {"closed_at": "then"})
    use_cases.submit_draft(world.shop, window.window)
    world.run(5)
    known = orders.read(world.store, order)
    assert (known.state, known.received_lines) == ("received", tuple(GOLD))
    draft = drafts.read(world.store, window.window)
    assert (draft.amends, draft.lines[0].quantity_units, draft.sent_as) == (order, 24, None)


def test_a_draft_that_was_to_change_a_refused_order_becomes_the_order(world: Any, window: Any) -> None:
    world.wires.http_works = False
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 12)
    order = use_cases.submit_draft(world.shop, window.window)
    use_cases.begin_amending(world.shop, order)
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 36)
    world.server.decide = lambda _kind, _envelope: ("suspended", {"why": "dues"})
    world.wires.http_works = True
    world.run(60)
    draft = drafts.read(world.store, window.window)
    assert (draft.amends, draft.lines[0].quantity_units) == (None, 36)


def test_an_order_changed_elsewhere_is_looked_at_again_first(world: Any, make: Any, window: Any) -> None:
    order = use_cases.place_order(world.shop, window.window, GOLD)
    world.wires.all_travel()
    use_cases.begin_amending(world.shop, order)
    state = world.server.entries[f"order:{order}"]
    world.server.tell(f"order:{order}", "order", {**state.data, "revision": 5})
    world.run(60)
    screen = order_screen.read(world.store, world.shop.clock)
    assert (screen.outdated, screen.can_submit) == (True, False)
    use_cases.begin_amending(world.shop, order)
    assert not order_screen.read(world.store, world.shop.clock).outdated


def test_a_change_to_an_order_that_was_cancelled_meanwhile_is_a_new_order(world: Any, window: Any) -> None:
    order = use_cases.place_order(world.shop, window.window, GOLD)
    world.wires.all_travel()
    use_cases.begin_amending(world.shop, order)
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 24)
    use_cases.cancel_order(world.shop, order)
    for _ in range(2):  # while it is being cancelled, and after
        screen = order_screen.read(world.store, world.shop.clock)
        assert (screen.mode, screen.outdated, screen.can_submit) == ("writing", False, True)
        world.wires.all_travel()
    use_cases.submit_draft(world.shop, window.window)
    world.wires.all_travel()
    (live,) = orders.live_in(world.store, window.window)
    assert (live.id == order, live.received_lines[0].quantity_units) == (False, 24)


def test_a_change_stays_one_where_the_cancelling_is_refused(world: Any, window: Any) -> None:
    order = use_cases.place_order(world.shop, window.window, GOLD)
    world.wires.all_travel()
    use_cases.begin_amending(world.shop, order)
    world.server.decide = lambda _kind, _envelope: ("window_closed", {"closed_at": "then"})
    use_cases.cancel_order(world.shop, order)
    world.run(5)
    assert order_screen.read(world.store, world.shop.clock).mode == "amending"


def test_ones_own_change_on_its_way_is_none_made_elsewhere(world: Any, window: Any) -> None:
    order = use_cases.place_order(world.shop, window.window, GOLD)
    world.wires.all_travel()
    world.wires.http_works = False
    use_cases.begin_amending(world.shop, order)
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 24)
    use_cases.submit_draft(world.shop, window.window)
    screen = order_screen.read(world.store, world.shop.clock)
    assert (screen.mode, screen.outdated) == ("under_way", False)


def test_a_clock_that_lost_the_time_holds_nothing_back(world: Any, window: Any) -> None:
    world.clock.slow_ms = 48 * 3_600_000
    world.wires.http_works = False
    world.restart()
    assert not world.shop.clock.trusted
    world.clock.forward(timedelta(hours=60))
    order = use_cases.place_order(world.shop, window.window, GOLD)
    assert orders.read(world.store, order).state == "saved"


@pytest.fixture
def delivery(world: Any, make: Any) -> Any:
    """A shipment of two lines."""
    shipped = Delivery(
        delivery=make.id(world.clock.at_ms, world.chance),
        number=5541,
        cycle=make.id(world.clock.at_ms, world.chance),
        state="shipped",
        shipped_at=world.server.now(),
        lines=(
            ShippedLine(sku="GOLD", shipped_units=36, granted_units=36),
            ShippedLine(sku="BLUE", shipped_units=10, granted_units=10),
        ),
    )
    world.server.tell(f"delivery:{shipped.delivery}", "delivery", shipped)
    world.run(2)
    return shipped


def test_confirming_twice_does_nothing_twice(world: Any, delivery: Any) -> None:
    use_cases.count_line(world.shop, delivery.delivery, "GOLD", Count("short", 1, reason="box open"))
    message = use_cases.confirm_delivery(world.shop, delivery.delivery, rest_as_listed=True)
    with pytest.raises(Conflict):
        use_cases.confirm_delivery(world.shop, delivery.delivery, rest_as_listed=True)
    world.run(5)
    lines = outbox.find(world.store, message).data["lines"]
    assert [(line["sku"], line["accepted_units"]) for line in lines] == [("GOLD", 35), ("BLUE", 10)]
    assert deliveries.read(world.store, delivery.delivery).state == "received"


def test_every_line_is_counted_unless_the_rest_is_as_listed(world: Any, delivery: Any) -> None:
    use_cases.count_line(world.shop, delivery.delivery, "GOLD", AS_LISTED)
    with pytest.raises(Rejected) as refused:
        use_cases.confirm_delivery(world.shop, delivery.delivery)
    assert (refused.value.code, refused.value.params) == ("line_missing", {"sku": "BLUE"})


def test_a_refused_confirmation_can_be_counted_and_sent_again(world: Any, delivery: Any) -> None:
    world.server.decide = lambda _kind, _envelope: ("line_missing", {"sku": "BLUE"})
    use_cases.confirm_delivery(world.shop, delivery.delivery, rest_as_listed=True)
    world.run(5)
    assert deliveries.read(world.store, delivery.delivery).to_confirm
    world.server.decide = lambda _kind, _envelope: (None, {})
    use_cases.confirm_delivery(world.shop, delivery.delivery, rest_as_listed=True)
    world.run(5)
    assert deliveries.read(world.store, delivery.delivery).state == "received"


def test_a_survey_is_answered_once_and_every_question_that_needs_it(world: Any, make: Any) -> None:
    word = make.text("?", "？")
    survey = Survey(
        survey=make.id(world.clock.at_ms, world.chance),
        title=word,
        intro=word,
        state="open",
        closes_at=world.server.now() + timedelta(days=1),
        questions=(
            Question(id="q1", kind="single", text=word, choices=(Choice(id="a", text=word),)),
            Question(id="q2", kind="scale", text=word, low=1, high=5),
            Question(id="q3", kind="text", text=word, required=False),
        ),
    )
    world.server.tell(f"survey:{survey.survey}", "survey", survey)
    world.run(2)
    use_cases.keep_answer(world.shop, survey.survey, Answer(question="q1", choices=("a",)))
    with pytest.raises(Rejected) as refused:
        use_cases.answer_survey(world.shop, survey.survey)
    assert (refused.value.code, refused.value.params) == ("answer_missing", {"question": "q2"})
    use_cases.keep_answer(world.shop, survey.survey, Answer(question="q2", number=6))
    with pytest.raises(Rejected, match="q2"):
        use_cases.answer_survey(world.shop, survey.survey)
    use_cases.keep_answer(world.shop, survey.survey, Answer(question="q2", number=5))
    use_cases.answer_survey(world.shop, survey.survey)
    with pytest.raises(Conflict):
        use_cases.answer_survey(world.shop, survey.survey)


def test_what_is_no_longer_asked_stays_in_the_draft_and_is_not_sent(world: Any, make: Any) -> None:
    word = make.text("?", "？")
    choices = tuple(Choice(id=name, text=word) for name in ("yes", "no"))
    survey = Survey(
        survey=make.id(world.clock.at_ms, world.chance),
        title=word,
        intro=word,
        state="open",
        closes_at=world.server.now() + timedelta(days=1),
        questions=(
            Question(id="q1", kind="single", text=word, choices=choices),
            Question(id="q2", kind="text", text=word, only_if=OnlyIf(question="q1", test="is", choice="no")),
            Question(id="q3", kind="scale", text=word, low=1, high=5),
        ),
    )
    world.server.tell(f"survey:{survey.survey}", "survey", survey)
    world.run(2)

    def keep(*answers: Answer) -> Any:
        for answer in answers:
            use_cases.keep_answer(world.shop, survey.survey, answer)
        view = notices.survey(world.store, world.shop.clock, survey.survey)
        return [question.id for question in view.course.asked], view.next_open and view.next_open.id, view.course.most

    assert keep() == (["q1", "q3"], "q1", 3)
    assert keep(Answer(question="q1", choices=("no",))) == (["q1", "q2", "q3"], "q2", 3)
    assert keep(Answer(question="q2", text="late")) == (["q1", "q2", "q3"], "q3", 3)
    assert keep(Answer(question="q1", choices=("yes",))) == (["q1", "q3"], "q3", 2)
    assert keep(Answer(question="q1", choices=("no",))) == (["q1", "q2", "q3"], "q3", 3)
    world.restart()
    assert drafts.answers(world.store, survey.survey)["q2"].text == "late"
    assert keep(Answer(question="q1", choices=("yes",)), Answer(question="q3", number=5)) == (["q1", "q3"], None, 2)
    use_cases.answer_survey(world.shop, survey.survey)
    sent = outbox.of_kinds(world.store, "survey.answer")[0].data["answers"]
    assert [answer["question"] for answer in sent] == ["q1", "q3"]
    assert drafts.answers(world.store, survey.survey) == {}


def test_notices_stand_in_the_order_in_which_they_matter_and_fold_when_they_are_over(world: Any, make: Any) -> None:
    word, start = make.text("?", "？"), world.server.now()
    notes = {}
    for minute, (name, sort, version, days, must) in enumerate(
        (
            ("policy", "policy", 1, None, False),
            ("confirm", "notice", 1, None, True),
            ("promotion", "promotion", 2, 1, False),
            ("urgent", "urgent", 1, None, False),
            ("brief", "promotion", 1, 2, True),
        )
    ):
        note = notes[name] = Announcement(
            announcement=make.id(world.clock.at_ms, world.chance),
            sort=sort,
            title=word,
            body=word,
            version=version,
            published_at=start + timedelta(minutes=minute),
            expires_at=days and start + timedelta(days=days),
            must_acknowledge=must,
        )
        world.server.tell(f"announcement:{note.announcement}", "announcement", note)
    world.run(2)
    names = {note.announcement: name for name, note in notes.items()}

    def listed(view: list[Any]) -> list[str]:
        return [names[note.announcement.announcement] for note in view]

    clock = world.shop.clock
    assert listed(notices.read_all(world.store, clock)) == ["brief", "confirm", "urgent", "policy", "promotion"]
    for name in ("policy", "urgent", "promotion", "confirm"):
        use_cases.note_display(world.shop, notes[name].announcement)
    assert listed(notices.read_all(world.store, clock)) == ["brief", "confirm", "policy", "urgent", "promotion"]
    assert listed(notices.to_confirm(world.store, clock)) == ["brief", "confirm"]
    use_cases.read_announcement(world.shop, notes["confirm"].announcement)
    assert listed(notices.to_confirm(world.store, clock)) == ["brief"]

    corrected = notes["confirm"].model_copy(update={"version": 2})
    world.server.tell(f"announcement:{corrected.announcement}", "announcement", corrected)
    world.clock.forward(timedelta(days=3))
    world.run(2)
    assert listed(notices.to_confirm(world.store, clock)) == ["confirm"]
    assert notices.to_confirm(world.store, clock)[0].corrected
    assert listed(notices.expired(world.store, clock)) == ["brief", "promotion"]
    assert not any(note.unread or note.pinned for note in notices.expired(world.store, clock))


def test_a_notice_is_read_once_a_version(world: Any, make: Any) -> None:
    word = make.text("Rules", "规则")
    first = Announcement(
        announcement=make.id(world.clock.at_ms, world.chance),
        sort="policy",
        title=word,
        body=word,
        version=1,
        published_at=world.server.now(),
    )
    key = f"announcement:{first.announcement}"
    world.server.tell(key, "announcement", first)
    world.run(2)
    assert use_cases.read_announcement(world.shop, first.announcement) is not None
    assert use_cases.read_announcement(world.shop, first.announcement) is None
    world.server.tell(key, "announcement", first.model_copy(update={"version": 2}))
    world.run(60)
    message = use_cases.read_announcement(world.shop, first.announcement)
    assert outbox.find(world.store, message).data["version"] == 2


def test_a_notice_is_told_once_as_displayed_and_once_as_read_offline_too_and_in_this_order(
    world: Any, make: Any
) -> None:
    word = make.text("Rules", "规则")
    note = Announcement(
        announcement=make.id(world.clock.at_ms, world.chance),
        sort="policy",
        title=word,
        body=word,
        version=3,
        published_at=world.server.now(),
        must_acknowledge=True,
    )
    world.server.tell(f"announcement:{note.announcement}", "announcement", note)
    world.run(2)
    world.wires.http_works = False
    assert use_cases.note_display(world.shop, note.announcement) is not None
    assert use_cases.note_display(world.shop, note.announcement) is None
    seen = notices.read(world.store, world.shop.clock, note.announcement)
    assert (seen.displayed.state, seen.read, seen.to_confirm) == ("saved", None, True)
    assert use_cases.read_announcement(world.shop, note.announcement) is not None
    assert use_cases.note_display(world.shop, note.announcement) is None
    world.restart()
    assert [entry.kind for entry in outbox.queued(world.store)] == ["announcement.displayed", "announcement.read"]
    world.wires.http_works = True
    world.run(120)
    confirmed = notices.read(world.store, world.shop.clock, note.announcement)
    assert (confirmed.displayed.state, confirmed.read.state, confirmed.unread) == ("received", "received", False)
    taken = [kind for kind, _, _ in world.server.inbox.values()]
    assert taken == ["announcement.displayed", "announcement.read"]


def test_a_second_page_hears_that_the_draft_was_submitted_already(world: Any, window: Any) -> None:
    use_cases.set_draft_line(world.shop, window.window, "GOLD", 12)
    use_cases.submit_draft(world.shop, window.window)
    for code in ("already_submitted", "already_ordered"):
        with pytest.raises(Conflict) as refused:
            use_cases.submit_draft(world.shop, window.window)
        assert refused.value.code == code
        world.wires.all_travel()
        world.run(2)
    (order,) = orders.live_in(world.store, window.window)
    assert refused.value.params == {"number": order.number}


def test_an_empty_draft_is_still_no_order(world: Any, window: Any) -> None:
    with pytest.raises(Rejected) as refused:
        use_cases.submit_draft(world.shop, window.window)
    assert refused.value.code == "empty_order"
