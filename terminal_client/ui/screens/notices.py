"""Notices and what is asked of the shop. Opening a notice says that it stood on the screen, not that it was read."""

from contextlib import suppress
from uuid import UUID

import apsw
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core import attachments, use_cases
from terminal_client.core.views import notices
from terminal_client.ui.screens import licence
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

SORTS = {
    "policy": N_("Policy"),
    "regulation": N_("Regulation"),
    "notice": N_("Notice"),
    "promotion": N_("Promotion"),
    "urgent": N_("Urgent"),
}


MEETINGS = {"meeting": N_("Meeting"), "training": N_("Training"), "contest": N_("Contest")}


def show(desk: Desk, _request: Request, announcement: UUID | None = None) -> Response:
    """Show the list; with one opened, its text, which is told as displayed, once a version.

    On a full disk it is shown all the same, and told when it is opened again.
    """
    store, clock = desk.terminal.store, desk.terminal.clock
    chosen = None
    if announcement is not None:
        chosen = notices.read(store, clock, announcement)
        if chosen is None:
            raise NotFound
        if chosen.told is None and not chosen.expired:
            with suppress(apsw.FullError):
                use_cases.note_display(desk.terminal.shop, announcement)
    return desk.pages.page(
        "notices.html",
        here="notices",
        undo=None,
        notes=notices.read_all(store, clock),
        surveys=notices.surveys(store, clock),
        expired=notices.expired(store, clock),
        chosen=None if announcement is None else notices.read(store, clock, announcement),
        sorts=SORTS,
        meetings=MEETINGS,
        here_bytes=attachments.here(store) if announcement is not None else {},
        now=clock.now(),
        licences=licence.view(desk),
    )


def page(desk: Desk, _request: Request, name: str) -> Response:
    """Return a page of what goes with a notice, as far as it is here."""
    found = attachments.content(desk.terminal.store, name)
    if found is None:
        raise NotFound
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(found, mimetype="image/jpeg", headers=headers)


def register(desk: Desk, request: Request, announcement: UUID) -> Response:
    """Say whether the shop comes to what a notice invites to."""
    use_cases.register(desk.terminal.shop, announcement, coming=request.form.get("coming") == "yes")
    return go(f"/notices/{announcement}")


def acknowledge(desk: Desk, _request: Request, announcement: UUID) -> Response:
    """Say that a notice was read, by a tap of its own."""
    use_cases.read_announcement(desk.terminal.shop, announcement)
    return go(f"/notices/{announcement}")


RULES = (
    Rule("/notices", endpoint=show, methods=["GET"]),
    Rule("/notices/<uuid:announcement>", endpoint=show, methods=["GET"]),
    Rule("/notices/<uuid:announcement>/coming", endpoint=register, methods=["POST"]),
    Rule("/notices/pages/<string(length=64):name>", endpoint=page, methods=["GET"]),
    Rule("/notices/<uuid:announcement>/read", endpoint=acknowledge, methods=["POST"]),
)
