"""My score: how the shop stands, why, what would raise it; and the appeal, a part, words and the sending at a time."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from contract.photos import MOST_PHOTOS
from terminal_client.core import appeals, photos, use_cases
from terminal_client.ui.web import Desk, go

WORDS_MOST = 500


def show(desk: Desk, _request: Request) -> Response:
    """Show the newest score that the distributor has published, decisions and appeals."""
    shown = appeals.read(desk.terminal.store, desk.terminal.clock)
    return desk.pages.page("score.html", here="stock", undo=None, shown=shown)


def choose(desk: Desk, _request: Request) -> Response:
    """Ask what the appeal is about."""
    return _page(desk, "part")


def write(desk: Desk, _request: Request) -> Response:
    """Ask for words, which may be left out."""
    return _page(desk, "words")


def look(desk: Desk, _request: Request) -> Response:
    """Show the whole appeal before it is sent."""
    return _page(desk, "send")


def keep_part(desk: Desk, request: Request) -> Response:
    """Keep what the appeal is about."""
    try:
        use_cases.keep_appeal(desk.terminal.shop, component=request.form.get("component", ""))
    except Refusal as refused:
        return _page(desk, "part", desk.pages.refusal(refused.code, refused.params))
    return go("/score/appeal/words")


def keep_words(desk: Desk, request: Request) -> Response:
    """Keep the words."""
    try:
        use_cases.keep_appeal(desk.terminal.shop, words=request.form.get("text", "").strip()[:WORDS_MOST])
    except Refusal as refused:
        return _page(desk, "part", desk.pages.refusal(refused.code, refused.params))
    return go("/score/appeal/send")


def send(desk: Desk, _request: Request) -> Response:
    """Queue the appeal."""
    try:
        use_cases.appeal_score(desk.terminal.shop)
    except Refusal as refused:
        return _page(desk, "send", desk.pages.refusal(refused.code, refused.params))
    return go("/score")


def _page(desk: Desk, step: str, said: str = "") -> Response:
    shown = appeals.read(desk.terminal.store, desk.terminal.clock)
    if shown is None or not (shown.open or said):
        return go("/score")
    if step != "part" and shown.draft is None:
        return go("/score/appeal")
    place = photos.at_appeal(shown.score.run)
    return desk.pages.page(
        "appeal.html",
        here="stock",
        undo=None,
        shown=shown,
        step=step,
        said=said,
        most=WORDS_MOST,
        place=place,
        photos=photos.of_draft(desk.terminal.store, place),
        MOST_PHOTOS=MOST_PHOTOS,
    )


RULES = (
    Rule("/score", endpoint=show, methods=["GET"]),
    Rule("/score/appeal", endpoint=choose, methods=["GET"]),
    Rule("/score/appeal", endpoint=keep_part, methods=["POST"]),
    Rule("/score/appeal/words", endpoint=write, methods=["GET"]),
    Rule("/score/appeal/words", endpoint=keep_words, methods=["POST"]),
    Rule("/score/appeal/send", endpoint=look, methods=["GET"]),
    Rule("/score/appeal/send", endpoint=send, methods=["POST"]),
)
