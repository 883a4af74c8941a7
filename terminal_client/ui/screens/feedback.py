"""Say something: a kind, a category, words, what it is about, the sending, a tap each; and what became of it."""

from functools import partial
from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from contract.photos import MOST_PHOTOS
from terminal_client.core import feedback, feedback_use_cases, photos
from terminal_client.core.feedback_use_cases import CALLED_MOST, REOPEN_MOST, WORDS_MOST
from terminal_client.core.views import catalogue
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

KINDS = {
    "complaint": N_("Complaint"),
    "suggestion": N_("Suggestion"),
    "question": N_("Question"),
}
CATEGORIES = {
    "goods": N_("The goods"),
    "delivery": N_("Delivery"),
    "grant": N_("Allocation"),
    "price": N_("Price"),
    "terminal": N_("This terminal"),
    "employee": N_("An employee"),
    "other": N_("Something else"),
}
STEPS = ("kind", "category", "words", "about", "send")


def show(desk: Desk, _request: Request) -> Response:
    """Show what was said and what became of it."""
    return _list(desk)


def step(desk: Desk, _request: Request, step: str) -> Response:
    """Show one step; one that needs an earlier answer leads back to it."""
    draft = feedback.draft(desk.terminal.store) or feedback.Draft()
    for needed in STEPS[: STEPS.index(step)]:
        if needed != "about" and not getattr(draft, needed):
            return go(f"/say/{needed}")
    return _step(desk, step)


def keep(desk: Desk, request: Request, step: str) -> Response:
    """Keep what was chosen or typed, and go on."""
    chosen = request.form.get(step, "").strip()
    if step == "words":
        feedback_use_cases.keep(desk.terminal.shop, words=chosen[:WORDS_MOST])
        if not chosen:
            return _step(desk, step, desk.pages.refusal("feedback_empty", {}))
    elif step == "about" and (who := " ".join(request.form.get("who", "").split())[:CALLED_MOST]):
        feedback_use_cases.keep(desk.terminal.shop, sort="employee", name=who)
    elif step == "about":
        sort, _, name = chosen.partition(":")
        store = desk.terminal.store
        offered = {(one.sort, one.name) for one in feedback.subjects(store, feedback.draft(store))}
        known = (sort, name) in offered
        feedback_use_cases.keep(desk.terminal.shop, sort=sort if known else "", name=name if known else "")
    elif chosen in (KINDS if step == "kind" else CATEGORIES):
        feedback_use_cases.keep(desk.terminal.shop, **{step: chosen})
        if step == "category":
            feedback_use_cases.forget_employee(desk.terminal.shop)
    else:
        return _step(desk, step)
    return go(f"/say/{STEPS[STEPS.index(step) + 1]}")


def keep_typing(desk: Desk, request: Request) -> Response:
    """Keep words while they are typed: a lock or a power cut takes none of them."""
    feedback_use_cases.keep(desk.terminal.shop, words=request.form.get("words", "")[:WORDS_MOST])
    return Response(status=204)


def send(desk: Desk, _request: Request) -> Response:
    """Queue it."""
    try:
        feedback_use_cases.send(desk.terminal.shop)
    except Refusal as refused:
        return _step(desk, "send", desk.pages.refusal(refused.code, refused.params))
    return go("/say")


def dispute(desk: Desk, request: Request) -> Response:
    """Begin a complaint about a line of what was granted, or about the tier; its kind and category are known."""
    sort = "tier" if "tier" in request.form else "grant"
    begun = feedback_use_cases.dispute(desk.terminal.shop, sort, request.form.get(sort, ""))
    return go("/say/words" if begun else "/say/kind")


def discard(desk: Desk, _request: Request) -> Response:
    """Throw away what was being written; for a short time it can be taken back."""
    shop = desk.terminal.shop
    thrown = feedback_use_cases.let_go(shop)
    if thrown is not None:
        desk.offer_undo(
            partial(desk.pages.text, N_("What you wrote was thrown away.")),
            lambda: feedback_use_cases.put_back(shop, thrown),
            "/say",
        )
    return go("/say")


def rate(desk: Desk, request: Request, said: UUID) -> Response:
    """Say how well it was done."""
    mark = request.form.get("mark", "")
    if mark not in {"1", "2", "3", "4", "5"}:
        return go("/say")
    try:
        feedback_use_cases.rate(desk.terminal.shop, said, int(mark))
    except Refusal as refused:
        return _list(desk, desk.pages.refusal(refused.code, refused.params))
    return go("/say")


def ask_reopen(desk: Desk, _request: Request, said: UUID) -> Response:
    """Ask for the words with which it is to be looked at again."""
    return _reopen(desk, said)


def reopen(desk: Desk, request: Request, said: UUID) -> Response:
    """Queue the asking to look at it again."""
    feedback_use_cases.keep_reopening(desk.terminal.shop, said, request.form.get("words", "").strip()[:REOPEN_MOST])
    try:
        feedback_use_cases.reopen(desk.terminal.shop, said, _today(desk))
    except Refusal as refused:
        return _reopen(desk, said, desk.pages.refusal(refused.code, refused.params))
    return go("/say")


def keep_reopening(desk: Desk, request: Request, said: UUID) -> Response:
    """Keep those words while they are typed."""
    feedback_use_cases.keep_reopening(desk.terminal.shop, said, request.form.get("words", "")[:REOPEN_MOST])
    return Response(status=204)


def _list(desk: Desk, refused: str = "") -> Response:
    store, clock, today = desk.terminal.store, desk.terminal.clock, _today(desk)
    found = feedback.read_all(store)
    return desk.pages.page(
        "say.html",
        here="notices",
        undo=desk.undo_offered(),
        found=found,
        known=catalogue.read(store),
        reopens={one.id for one in found if feedback.can_reopen(one, clock, today)},
        draft=feedback.draft(store),
        photos={one.id: photos.of_message(store, one.id) for one in found},
        said=refused,
        kinds=KINDS,
        categories=CATEGORIES,
    )


def _step(desk: Desk, step: str, refused: str = "") -> Response:
    store = desk.terminal.store
    draft = feedback.draft(store) or feedback.Draft()
    return desk.pages.page(
        "say_step.html",
        here="notices",
        undo=None,
        step=step,
        before=STEPS[STEPS.index(step) - 1] if step != "kind" else None,
        draft=draft,
        subjects=feedback.subjects(store, draft),
        most_called=CALLED_MOST,
        place=photos.FEEDBACK,
        photos=photos.of_draft(store, photos.FEEDBACK),
        MOST_PHOTOS=MOST_PHOTOS,
        said=refused,
        most=WORDS_MOST,
        kinds=KINDS,
        categories=CATEGORIES,
    )


def _reopen(desk: Desk, said: UUID, refused: str = "") -> Response:
    view = feedback.read(desk.terminal.store, said)
    if view is None:
        raise NotFound
    kept = feedback.draft(desk.terminal.store, said)
    return desk.pages.page(
        "say_again.html",
        here="notices",
        undo=None,
        view=view,
        words=kept.words if kept else "",
        said=refused,
        most=REOPEN_MOST,
    )


def _today(desk: Desk) -> str:
    return desk.terminal.clock.now().astimezone(desk.pages.zone()).date().isoformat()


_STEP = "<any(kind, category, words, about, send):step>"
_KEPT = "<any(kind, category, words, about):step>"

RULES = (
    Rule("/say", endpoint=show, methods=["GET"]),
    Rule(f"/say/{_STEP}", endpoint=step, methods=["GET"]),
    Rule(f"/say/{_KEPT}", endpoint=keep, methods=["POST"]),
    Rule("/say/dispute", endpoint=dispute, methods=["POST"]),
    Rule("/say/typing", endpoint=keep_typing, methods=["POST"]),
    Rule("/say/send", endpoint=send, methods=["POST"]),
    Rule("/say/discard", endpoint=discard, methods=["POST"]),
    Rule("/say/<uuid:said>/rate", endpoint=rate, methods=["POST"]),
    Rule("/say/<uuid:said>/again", endpoint=ask_reopen, methods=["GET"]),
    Rule("/say/<uuid:said>/again", endpoint=reopen, methods=["POST"]),
    Rule("/say/<uuid:said>/typing", endpoint=keep_reopening, methods=["POST"]),
)
