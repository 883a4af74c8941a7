"""What a shopkeeper does. Each writes the thing and its outbox row in one transaction, then wakes the exchange.

Every use case works offline and returns at once; what became of its message is read from the views.
Refusals raised here are kindnesses: what could not succeed is said before it is queued.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from contract.asking import asked_of
from contract.errors import Conflict, Rejected
from contract.feed import Announcement, Delivery, Registration, Survey
from contract.ids import uuid7
from contract.messages import (
    AmendOrder,
    Answer,
    AnswerSurvey,
    AppealScore,
    CancelOrder,
    ConfirmDelivery,
    DisplayAnnouncement,
    GiveFigure,
    Message,
    OrderLine,
    PlaceOrder,
    ReadAnnouncement,
    RegisterForMeeting,
)
from terminal_client.core import (
    appeals,
    delivery_rules,
    drafts,
    feed,
    forecasts,
    order_rules,
    orders,
    outbox,
    photos,
    survey_rules,
)
from terminal_client.core.delivery_rules import AS_LISTED, Count
from terminal_client.core.pins import Role
from terminal_client.core.ports import Bits
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.signals import Pending
from terminal_client.core.store import Store


@dataclass(frozen=True)
class Shop:
    """What the use cases work on.

    ``saved`` is told of each message after its commit; ``who`` says who stands at the terminal, where it knows.
    """

    store: Store
    clock: ServerClock
    bits: Bits
    saved: Callable[[Pending], None]
    who: Callable[[], Role | None] = lambda: None


def new_id(shop: Shop) -> UUID:
    """Return a new UUIDv7 by the server's time."""
    return uuid7(now_ms=shop.clock.now_ms, random_bits=shop.bits)


# Orders


def set_draft_line(shop: Shop, window: UUID, sku: str, quantity_units: int) -> None:
    """Set one line of the window's draft as it was entered; zero takes it away.

    Raises
    ------
    Conflict
        ``wrong_state``, while the draft is on its way to the server.
    """
    with shop.store.transaction():
        _free(drafts.read(shop.store, window))
        drafts.put_line(shop.store, window, sku, quantity_units)


def step_draft_line(shop: Shop, window: UUID, sku: str, *, up: bool, times: int = 1) -> None:
    """Move one line of the draft by one pack, ``times``.

    Raises
    ------
    Rejected, Conflict
        ``unknown_sku``; see also :func:`set_draft_line`.
    """
    reference = shop.store.reference()
    found = next((item for item in reference.catalogue if item.sku == sku), None) if reference else None
    if found is None:
        raise Rejected("unknown_sku", sku=sku)
    with shop.store.transaction():
        lines = {line.sku: line.quantity_units for line in drafts.read(shop.store, window).lines}
        units = lines.get(sku, 0)
        for _ in range(times):
            units = order_rules.next_units(found, units, up=up)
        set_draft_line(shop, window, sku, units)


def add_to_draft(shop: Shop, window: UUID, sku: str, units: int, *, times: int = 1) -> int:
    """Add what was scanned to one line of the draft ``times``, all of it or nothing; return what the line comes to.

    A pack is the stepper's step, so that the first one is the smallest order.

    Raises
    ------
    Rejected, Conflict
        ``unknown_sku``, what :func:`~terminal_client.core.order_rules.problem_of` names; see :func:`set_draft_line`.
    """
    reference = shop.store.reference()
    found = next((item for item in reference.catalogue if item.sku == sku), None) if reference else None
    if found is None:
        raise Rejected("unknown_sku", sku=sku)
    with shop.store.transaction():
        lines = {line.sku: line.quantity_units for line in drafts.read(shop.store, window).lines}
        wanted = lines.get(sku, 0)
        for _ in range(times):
            before = wanted
            wanted = order_rules.next_units(found, before, up=True) if units == found.pack_units else before + units
            problem = order_rules.problem_of(found, before + units if wanted == before else wanted)
            if problem is not None:
                raise Rejected(problem.code, **problem.params)
        set_draft_line(shop, window, sku, wanted)
    return wanted


def replace_draft(shop: Shop, draft: drafts.Draft) -> None:
    """Put a whole draft in place of the window's: an undo, an earlier order, an emptied one."""
    with shop.store.transaction():
        _free(drafts.read(shop.store, draft.window))
        drafts.replace(shop.store, replace(draft, sent_as=None))


def begin_amending(shop: Shop, order: UUID) -> UUID:
    """Load an order's lines as the draft of its window, also while it is on its way; return the window.

    Raises
    ------
    Rejected
        ``unknown_order``, ``order_cancelled``.
    """
    with shop.store.transaction():
        known = _standing(shop, order)
        drafts.replace(shop.store, drafts.Draft(known.window, known.lines, order, known.revision))
    return known.window


def submit_draft(shop: Shop, window: UUID) -> UUID:
    """Queue the window's draft, as a new order or as the amendment it is; return the message's id.

    The draft stays until the server has accepted it.

    Raises
    ------
    Rejected, Conflict
        ``empty_order``, ``window_closed``, ``too_large``; ``already_submitted``, where the draft is on its way,
        and ``already_ordered``, where it has become an order: another page of this terminal was quicker.
    """
    with shop.store.transaction():
        draft = orders.draft_of(shop.store, window)
        live = orders.live_in(shop.store, window)
        if draft.sent_as is not None or (not (draft.lines or draft.amends) and live):
            if live and live[0].number is not None:
                raise Conflict("already_ordered", number=live[0].number)
            raise Conflict("already_submitted")
        if draft.amends is not None and draft.revision is not None:
            pending = _queue_amendment(shop, window, draft.amends, draft.revision, draft.lines)
        else:
            pending = _queue_order(shop, window, draft.lines)
        drafts.mark_sent(shop.store, window, pending.id)
    shop.saved(pending)
    return pending.id


def place_order(shop: Shop, window: UUID, lines: Sequence[OrderLine]) -> UUID:
    """Queue a new order without a draft; return its id. Raises as :func:`submit_draft`."""
    with shop.store.transaction():
        pending = _queue_order(shop, window, lines)
    shop.saved(pending)
    return pending.id


def amend_order(shop: Shop, order: UUID, lines: Sequence[OrderLine]) -> UUID:
    """Queue an order's new lines, on top of what stands or is under way; return the message's id.

    Raises
    ------
    Rejected
        ``unknown_order``, ``order_cancelled``, ``empty_order``, ``window_closed``, ``too_large``.
    """
    with shop.store.transaction():
        known = _standing(shop, order)
        pending = _queue_amendment(shop, known.window, order, known.revision, lines)
    shop.saved(pending)
    return pending.id


def cancel_order(shop: Shop, order: UUID) -> UUID:
    """Queue the cancelling of an order; return the message's id.

    Raises
    ------
    Rejected
        ``unknown_order``, ``order_cancelled``, ``window_closed``.
    """
    with shop.store.transaction():
        known = _standing(shop, order)
        _check_open(shop, known.window)
        message = CancelOrder(order=order, revision=known.revision)
        pending = _queue(shop, "order.cancel", orders.subject(order), message)
    shop.saved(pending)
    return pending.id


def _free(draft: drafts.Draft) -> None:
    if draft.sent_as is not None:
        raise Conflict("wrong_state", state="sent", needed="draft")


def _queue_order(shop: Shop, window: UUID, lines: Sequence[OrderLine]) -> Pending:
    _check_open(shop, window)
    _check_lines(lines)
    id_ = new_id(shop)
    return _queue(shop, "order.place", orders.subject(id_), PlaceOrder(window=window, lines=tuple(lines)), id_)


def _queue_amendment(shop: Shop, window: UUID, order: UUID, revision: int, lines: Sequence[OrderLine]) -> Pending:
    _check_open(shop, window)
    _check_lines(lines)
    message = AmendOrder(order=order, revision=revision, lines=tuple(lines))
    return _queue(shop, "order.amend", orders.subject(order), message)


def _check_open(shop: Shop, window: UUID) -> None:
    """Close by the server's time, as far as it is known; where it may be open still, the server decides.

    That a window is open the server has said itself: no estimate of its time says otherwise.
    """
    known = next((w for w in feed.windows(shop.store) if w.window == window), None)
    if known is None or not shop.clock.trusted:
        return
    if known.state not in ("announced", "open") or shop.clock.has_passed(milliseconds(known.closes_at)):
        raise Rejected("window_closed", closed_at=known.closes_at.isoformat())
    if known.state == "announced" and shop.clock.now_ms() < milliseconds(known.opens_at):
        raise Rejected("window_not_open", opens_at=known.opens_at.isoformat())


def _check_lines(lines: Sequence[OrderLine]) -> None:
    if not lines:
        raise Rejected("empty_order")
    seen: set[str] = set()
    for line in lines:
        if line.sku in seen:
            raise Rejected("duplicate_line", sku=line.sku)
        seen.add(line.sku)


def _standing(shop: Shop, order: UUID) -> orders.Order:
    """Return an order that can still be changed, as it will stand when all under way has arrived."""
    known = orders.read(shop.store, order)
    if known is None or known.state == "refused":
        raise Rejected("unknown_order")
    if known.state == "cancelled" or known.cancelling:
        raise Rejected("order_cancelled")
    return known


# Deliveries


def count_line(shop: Shop, delivery: UUID, sku: str, count: Count) -> None:
    """Keep what was found of one shipped line.

    Raises
    ------
    Rejected
        ``unknown_delivery``, ``unknown_line``, ``counts_differ``, ``reason_missing``.
    """
    with shop.store.transaction():
        shipped = _unconfirmed(shop, delivery)
        line = next((line for line in shipped.lines if line.sku == sku), None)
        if line is None:
            raise Rejected("unknown_line", sku=sku)
        delivery_rules.confirmed(line, count)
        drafts.put_count(shop.store, delivery, sku, count)


def uncount_line(shop: Shop, delivery: UUID, sku: str) -> Count | None:
    """Forget what was found of one line; return it, for an undo."""
    with shop.store.transaction():
        before = drafts.counts(shop.store, delivery).get(sku)
        drafts.put_count(shop.store, delivery, sku, None)
    return before


def confirm_delivery(
    shop: Shop, delivery: UUID, counts: Mapping[str, Count] | None = None, *, rest_as_listed: bool = False
) -> UUID:
    """Queue the confirmation of a delivery; return the message's id.

    ``counts`` are the kept ones where absent. Every line must be counted, unless ``rest_as_listed``.

    Raises
    ------
    Rejected, Conflict
        ``unknown_delivery``, ``already_confirmed``, ``line_missing``, ``counts_differ``, ``reason_missing``.
    """
    with shop.store.transaction():
        shipped = _unconfirmed(shop, delivery)
        found = drafts.counts(shop.store, delivery) if counts is None else counts
        lines = []
        for line in shipped.lines:
            count = found.get(line.sku, AS_LISTED if rest_as_listed else None)
            if count is None:
                raise Rejected("line_missing", sku=line.sku)
            confirmed = delivery_rules.confirmed(line, count)
            if confirmed.difference is not None:
                shown = photos.named(shop.store, photos.at_line(delivery, line.sku))
                confirmed = confirmed.model_copy(update={"photos": shown})
            lines.append(confirmed)
        message = ConfirmDelivery(delivery=delivery, confirmed_at=shop.clock.now(), lines=tuple(lines))
        pending = _queue(shop, "delivery.confirm", f"delivery:{delivery}", message)
        for confirmed in lines:
            if confirmed.photos is not None:
                photos.hand_over(shop.store, photos.at_line(delivery, confirmed.sku), pending.id, confirmed.sku)
        photos.drop_of_delivery(shop.store, delivery)
        drafts.drop_counts(shop.store, delivery)
    shop.saved(pending)
    return pending.id


def _unconfirmed(shop: Shop, delivery: UUID) -> Delivery:
    found = next((d for d in feed.read(shop.store, Delivery) if d.delivery == delivery), None)
    if found is None:
        raise Rejected("unknown_delivery")
    if found.state == "confirmed":
        raise Conflict("already_confirmed", at=str(found.confirmed_at or ""))
    for entry in outbox.about(shop.store, f"delivery:{delivery}"):
        if entry.state != "refused":
            raise Conflict("already_confirmed", at=str(entry.data.get("confirmed_at", "")))
    return found


# Surveys and announcements


def keep_answer(shop: Shop, survey: UUID, answer: Answer) -> None:
    """Keep one answer of an unfinished survey."""
    with shop.store.transaction():
        drafts.put_answers(shop.store, survey, [answer])


def answer_survey(shop: Shop, survey: UUID, answers: Sequence[Answer] | None = None) -> UUID:
    """Queue the answers of a survey, the kept ones where absent; return the message's id.

    Only what is asked after the other answers is sent; what was kept of the rest goes with the draft.

    Raises
    ------
    Rejected, Conflict
        ``unknown_survey``, ``already_answered``, ``answer_missing``, ``answer_invalid``.
    """
    with shop.store.transaction():
        asked = next((s for s in feed.read(shop.store, Survey) if s.survey == survey), None)
        if asked is None:
            raise Rejected("unknown_survey")
        if any(entry.state != "refused" for entry in outbox.about(shop.store, f"survey:{survey}")):
            raise Conflict("already_answered")
        kept = drafts.answers(shop.store, survey)
        given = kept if answers is None else {answer.question: answer for answer in answers}
        taken = photos.named(shop.store, photos.at_survey(survey))
        given |= {
            one.id: Answer(question=one.id, photos=taken)
            for one in asked.questions
            if one.kind == "photo" and one.id in given
        }
        questions = asked_of(asked.questions, given)
        for question in questions:
            survey_rules.check_answer(question, given.get(question.id))
        ordered = tuple(given[q.id] for q in questions if q.id in given)
        blind = f"{shop.bits(128):032x}" if asked.anonymous else None
        message = AnswerSurvey(survey=survey, answers=ordered, blind=blind)
        pending = _queue(shop, "survey.answer", f"survey:{survey}", message)
        if any(answer.photos for answer in ordered):
            photos.hand_over(shop.store, photos.at_survey(survey), pending.id)
        else:
            photos.drop(shop.store, photos.at_survey(survey))
        drafts.drop_answers(shop.store, survey)
    shop.saved(pending)
    return pending.id


def note_display(shop: Shop, announcement: UUID) -> UUID | None:
    """Queue that an announcement's current version stood on the screen; none where this or more was said before.

    Raises
    ------
    Rejected
        ``unknown_announcement``.
    """
    with shop.store.transaction():
        known, subject = _announced(shop, announcement)
        if outbox.about(shop.store, subject):
            return None
        message = DisplayAnnouncement(announcement=announcement, displayed_at=shop.clock.now(), version=known.version)
        pending = _queue(shop, "announcement.displayed", subject, message)
    shop.saved(pending)
    return pending.id


def read_announcement(shop: Shop, announcement: UUID) -> UUID | None:
    """Queue that somebody has read an announcement's current version; none where it was said before.

    Raises
    ------
    Rejected
        ``unknown_announcement``.
    """
    with shop.store.transaction():
        known, subject = _announced(shop, announcement)
        if any(entry.kind == "announcement.read" for entry in outbox.about(shop.store, subject)):
            return None
        message = ReadAnnouncement(announcement=announcement, read_at=shop.clock.now(), version=known.version)
        pending = _queue(shop, "announcement.read", subject, message)
    shop.saved(pending)
    return pending.id


def register(shop: Shop, announcement: UUID, *, coming: bool) -> UUID | None:
    """Queue that the shop comes to what an announcement invites to, or does not; none where it was said last.

    Said last is what was said here, unless the server says since that the shop stands otherwise: it may have been said
    by telephone, or at another terminal.

    Raises
    ------
    Rejected
        ``unknown_announcement``; ``no_meeting``; ``meeting_called_off``; ``registration_over`` by the server's clock as
        it is known here: what is said offline in time and arrives late, the server refuses visibly.
    """
    with shop.store.transaction():
        known, _ = _announced(shop, announcement)
        meeting = known.meeting
        if meeting is None or known.withdrawn_at is not None:
            raise Rejected("no_meeting" if meeting is None else "announcement_withdrawn")
        if meeting.called_off:
            raise Rejected("meeting_called_off")
        last = (meeting.register_until or meeting.starts_at) if coming else meeting.starts_at
        if shop.clock.now() > last:
            raise Rejected("registration_over", until=last.isoformat())
        subject = f"meeting:{announcement}"
        said = [entry for entry in outbox.about(shop.store, subject) if entry.state != "refused"]
        if (
            said
            and said[-1].data.get("coming") is coming
            and not _stands_otherwise(shop, announcement, said[-1], coming=coming)
        ):
            return None
        message = RegisterForMeeting(announcement=announcement, coming=coming, said_at=shop.clock.now())
        pending = _queue(shop, "meeting.register", subject, message)
    shop.saved(pending)
    return pending.id


def _stands_otherwise(shop: Shop, announcement: UUID, said: outbox.Entry, *, coming: bool) -> bool:
    """Return whether the server took what was said, and has the shop elsewhere."""
    stands = next((one for one in feed.read(shop.store, Registration) if one.announcement == announcement), None)
    return said.state == "received" and stands is not None and (stands.state != "not_coming") is not coming


def _announced(shop: Shop, announcement: UUID) -> tuple[Announcement, str]:
    known = next((a for a in feed.read(shop.store, Announcement) if a.announcement == announcement), None)
    if known is None:
        raise Rejected("unknown_announcement")
    return known, f"announcement:{announcement}:{known.version}"


# Forecasts


def give_figure(shop: Shop, product_class: str, period: date, units: int) -> UUID:
    """Queue the shop's own figure for a class in a month to come; return the message's id.

    Raises
    ------
    Rejected
        ``unknown_class``, ``period_begun``.
    """
    with shop.store.transaction():
        known = forecasts.read(shop.store, shop.clock)
        classes = () if known is None else known.classes
        found = next((one for one in classes if one.known.product_class == product_class), None)
        if known is None or found is None:
            raise Rejected("unknown_class", product_class=product_class)
        if all(one.month.period != period for one in found.months):
            raise Rejected("period_begun", period=period.isoformat()[:7])
        message = GiveFigure(product_class=product_class, period=period, units=units, version=known.version)
        pending = _queue(shop, "forecast.figure", forecasts.subject(product_class, period), message)
    shop.saved(pending)
    return pending.id


# Scores


def keep_appeal(shop: Shop, *, component: str | None = None, words: str | None = None) -> None:
    """Keep what an unfinished appeal against the newest score is about, or its words.

    Raises
    ------
    Rejected, Conflict
        ``unknown_scores``, ``appeals_over``, ``unknown_part``, ``already_appealed``.
    """
    with shop.store.transaction():
        shown = _appealable(shop)
        begun = shown.draft or appeals.Draft(shown.score.run, appeals.WHOLE, "")
        draft = replace(
            begun,
            component=begun.component if component is None else component,
            words=begun.words if words is None else words,
        )
        _check_part(shown, draft.component)
        appeals.put_draft(shop.store, draft)


def appeal_score(shop: Shop) -> UUID:
    """Queue the appeal that was written against the newest score; return the message's id.

    Raises
    ------
    Rejected, Conflict
        As :func:`keep_appeal`.
    """
    with shop.store.transaction():
        shown = _appealable(shop)
        draft = shown.draft or appeals.Draft(shown.score.run, appeals.WHOLE, "")
        _check_part(shown, draft.component)
        place = photos.at_appeal(draft.run)
        message = AppealScore(
            run=draft.run,
            component=draft.component or None,
            words=draft.words,
            photos=photos.named(shop.store, place),
        )
        pending = _queue(shop, "score.appeal", appeals.subject(draft.run, draft.component), message)
        photos.hand_over(shop.store, place, pending.id)
        appeals.drop_draft(shop.store, draft.run)
    shop.saved(pending)
    return pending.id


def _appealable(shop: Shop) -> appeals.Shown:
    shown = appeals.read(shop.store, shop.clock)
    if shown is None:
        raise Rejected("unknown_scores", run="–")
    if not shown.open:
        raise Rejected("appeals_over", until=str(shown.score.appeals_until or "–"))
    return shown


def _check_part(shown: appeals.Shown, component: str) -> None:
    part = next((one for one in shown.parts if one.component == component), None)
    if part is None:
        raise Rejected("unknown_part", component=component)
    if part.taken:
        numbers = (one.number for one in shown.appeals if one.component == component and one.state in appeals.OPEN)
        raise Conflict("already_appealed", run=shown.score.run, number=next(numbers, None) or "–")


# Refusals


def deal_with(shop: Shop, message: UUID, *, done: bool = True) -> None:
    """Take a refusal off the list of open ones, or put it back; its row stays for ever."""
    with shop.store.transaction():
        shop.store.execute(
            "UPDATE outbox SET dealt_with_at_ms = ? WHERE id = ? AND outcome = 'rejected'",
            (shop.clock.now_ms() if done else None, str(message)),
        )


def _queue(shop: Shop, kind: str, subject: str, message: Message, id_: UUID | None = None) -> Pending:
    return outbox.add(
        shop.store,
        id=id_ or new_id(shop),
        kind=kind,
        subject=subject,
        message=message,
        saved_at_ms=shop.clock.now_ms(),
        by=shop.who(),
    )
