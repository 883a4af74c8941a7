"""What a shop does with complaints, suggestions and questions: each tap is kept, each sending is one commit."""

from dataclasses import replace
from uuid import UUID

from contract.errors import Conflict, Rejected
from contract.messages import Message, RateFeedback, SendFeedback
from terminal_client.core import feedback, outbox, photos
from terminal_client.core.feedback import Draft
from terminal_client.core.signals import Pending
from terminal_client.core.use_cases import Shop, new_id

WORDS_MOST = 2000
CALLED_MOST = 128
REOPEN_MOST = 500


def keep(shop: Shop, **said: str) -> None:
    """Keep what was chosen or typed of something new: fields of :class:`~terminal_client.core.feedback.Draft`."""
    with shop.store.transaction():
        begun = feedback.draft(shop.store) or Draft()
        feedback.put_draft(shop.store, replace(begun, **said))


def forget_employee(shop: Shop) -> None:
    """Let go of the employee who was named, where what is being said is no longer about one."""
    draft = feedback.draft(shop.store)
    if draft is not None and draft.sort == "employee" and draft.category != "employee":
        keep(shop, sort="", name="")


def dispute(shop: Shop, sort: str, name: str) -> bool:
    """Begin a complaint about a granted line, ``CYCLE/SKU``, or a tier, by its run; return whether it is known here.

    Words that were begun stay.
    """
    if feedback.disputed(shop.store, sort, name) is None:
        return False
    keep(shop, kind="complaint", category="grant", sort=sort, name=name)
    return True


def keep_reopening(shop: Shop, about: UUID, words: str) -> None:
    """Keep the words that ask to look at something again."""
    with shop.store.transaction():
        feedback.put_draft(shop.store, Draft(words=words), about)


def let_go(shop: Shop) -> Draft | None:
    """Throw away what was being written; return it, for an undo."""
    with shop.store.transaction():
        before = feedback.draft(shop.store)
        photos.move(shop.store, photos.FEEDBACK, photos.THROWN)
        feedback.drop_draft(shop.store)
    return before


def put_back(shop: Shop, draft: Draft) -> None:
    """Put back what was thrown away."""
    with shop.store.transaction():
        photos.move(shop.store, photos.THROWN, photos.FEEDBACK)
        feedback.put_draft(shop.store, draft)


def send(shop: Shop) -> UUID:
    """Queue what was written; return the message's id.

    Raises
    ------
    Rejected
        ``feedback_empty``, where kind, category or words are missing; ``too_large``.
    """
    with shop.store.transaction():
        draft = feedback.draft(shop.store)
        if draft is None or not draft.words.strip() or not draft.kind or not draft.category:
            raise Rejected("feedback_empty")
        message = SendFeedback.model_validate(
            {"kind": draft.kind, "category": draft.category, "words": draft.words.strip(), "about": draft.about}
            | {"photos": photos.named(shop.store, photos.FEEDBACK)}
        )
        id_ = new_id(shop)
        pending = _queue(shop, id_, "feedback.send", feedback.subject(id_), message)
        photos.hand_over(shop.store, photos.FEEDBACK, id_)
        feedback.drop_draft(shop.store)
    shop.saved(pending)
    return id_


def rate(shop: Shop, about: UUID, satisfaction: int) -> None:
    """Queue how well a closed one was done, 1 to 5.

    Raises
    ------
    Rejected, Conflict
        ``unknown_feedback``, ``feedback_not_closed``, ``feedback_rated``.
    """
    with shop.store.transaction():
        view = _known(shop, about)
        if view.state != "closed":
            raise Rejected("feedback_not_closed", number=view.number or "–")
        if not view.to_rate:
            raise Conflict("feedback_rated", number=view.number or "–")
        message = RateFeedback(feedback=about, satisfaction=satisfaction)
        pending = _queue(shop, new_id(shop), "feedback.rate", feedback.subject(about), message)
    shop.saved(pending)


def reopen(shop: Shop, about: UUID, today: str) -> None:
    """Queue the asking to look at it again, with the words that were kept; ``today`` is the shop's day.

    Raises
    ------
    Rejected
        ``unknown_feedback``; ``feedback_open``, ``feedback_reopened``, ``feedback_reopen_over``; ``feedback_empty``.
    """
    with shop.store.transaction():
        view = _known(shop, about)
        number = view.number or "–"
        if view.state not in ("answered", "closed"):
            raise Rejected("feedback_open", number=number)
        if view.told is None or view.told.reopen_until is None or view.waits:
            raise Rejected("feedback_reopened", number=number)
        if not feedback.can_reopen(view, shop.clock, today):
            raise Rejected("feedback_reopen_over", number=number, until=view.told.reopen_until.isoformat())
        draft = feedback.draft(shop.store, about)
        if draft is None or not draft.words.strip():
            raise Rejected("feedback_empty")
        message = RateFeedback(feedback=about, reopen=draft.words.strip())
        pending = _queue(shop, new_id(shop), "feedback.rate", feedback.subject(about), message)
        feedback.drop_draft(shop.store, about)
    shop.saved(pending)


def _known(shop: Shop, about: UUID) -> feedback.View:
    view = feedback.read(shop.store, about)
    if view is None or view.told is None:
        raise Rejected("unknown_feedback")
    return view


def _queue(shop: Shop, id_: UUID, kind: str, subject: str, message: Message) -> Pending:
    return outbox.add(
        shop.store,
        id=id_,
        kind=kind,
        subject=subject,
        message=message,
        saved_at_ms=shop.clock.now_ms(),
        by=shop.who(),
    )
