"""Photos beside what is being written: taken by the browser's camera, made small there, kept at once, or taken away."""

from uuid import UUID

import apsw
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from contract.photos import MOST_PHOTOS
from terminal_client.core import appeals, photos
from terminal_client.core.views import deliveries, notices
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk

FULL = N_("The disk is full: the photo was not kept. What you wrote is, and can be sent without it.")


def add(desk: Desk, request: Request) -> Response:
    """Keep what the camera took, or say why not; the answer is the place's photos anew."""
    place = _place(desk, request.args.get("place", ""))
    said = ""
    try:
        photos.keep(desk.terminal.store, place, request.get_data(), at_ms=desk.terminal.clock.now_ms())
    except Rejected as refused:
        said = desk.pages.refusal(refused.code, refused.params)
    except apsw.FullError:
        said = desk.pages.text(FULL)
    return _part(desk, place, said)


def away(desk: Desk, request: Request) -> Response:
    """Take one away."""
    place = _place(desk, request.form.get("place", ""))
    photos.take_away(desk.terminal.store, place, request.form.get("sha256", ""))
    return _part(desk, place)


def show(desk: Desk, _request: Request, name: str) -> Response:
    """Show a photo that this terminal keeps."""
    found = photos.content(desk.terminal.store, name)
    if found is None:
        raise NotFound
    content, media_type = found
    return Response(content, mimetype=media_type)


def _part(desk: Desk, place: str, said: str = "") -> Response:
    kept = photos.of_draft(desk.terminal.store, place)
    return desk.pages.page("_photos.html", here="", undo=None, place=place, photos=kept, most=MOST_PHOTOS, said=said)


def _place(desk: Desk, asked: str) -> str:
    """Return a place where something is being written.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    store = desk.terminal.store
    sort, _, rest = asked.partition(":")
    if asked == photos.FEEDBACK:
        return asked
    if sort == "appeal":
        shown = appeals.read(store, desk.terminal.clock)
        if shown is not None and asked == photos.at_appeal(shown.score.run):
            return asked
    if sort == "survey":
        try:
            survey = notices.survey(store, desk.terminal.clock, UUID(rest))
        except ValueError:
            raise NotFound from None
        if survey is not None and survey.to_answer and any(one.kind == "photo" for one in survey.course.asked):
            return photos.at_survey(survey.survey.survey)
    if sort == "delivery":
        name, _, sku = rest.partition(":")
        try:
            view = deliveries.read(store, UUID(name))
        except ValueError:
            raise NotFound from None
        if view is not None and view.to_confirm and any(line.line.sku == sku for line in view.lines):
            return photos.at_line(view.delivery, sku)
    raise NotFound


RULES = (
    Rule("/photos", endpoint=add, methods=["POST"]),
    Rule("/photos/away", endpoint=away, methods=["POST"]),
    Rule("/photos/<string(length=64):name>", endpoint=show, methods=["GET"]),
)
