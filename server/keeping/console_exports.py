"""Screens of archives of one shop: those that were made, the form that asks for one, its progress, taking it away."""

from functools import partial
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.keeping import shop_exports
from server.kit import console, http
from server.kit.computations import UNDER_WAY
from server.kit.console import N_, texts
from server.kit.fields import Invalid
from server.retailers import queries as retailers

PLACE = "/console/retailers/archives"
STATES: dict[str, tuple[str, str]] = {
    "waiting": (N_("waits for its turn"), "idle"),
    "working": (N_("is being made"), "wait"),
    "done": (N_("done"), "ok"),
    "failed": (N_("could not be made"), "stop"),
    "stopped": (N_("was stopped"), "idle"),
}

exports = http.router(PLACE, tag="console", roles=("administrator", "auditor"), shops="all")
taking = http.router(PLACE, tag="console", roles=("administrator",), shops="all")


@exports.get("")
def list_exports(request: Request, session: http.Db, code: str) -> Response:
    """Show the archives of a shop, and the form that asks for one."""
    return _list(request, session, code)


@taking.post("")
def ask(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Annotated[str, Form(max_length=64)],
    reason: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Have an archive made."""
    gettext = texts(request).gettext
    try:
        made = shop_exports.ask(session, code, reason, operator, at=clock())
    except Invalid as refused:
        return _list(request, session, code, next(iter(refused.problems.values())).sentence(gettext), reason)
    return console.redirect(
        request, f"{PLACE}/{made}", flash=gettext("Asked for. You may close this page; it is kept.")
    )


@exports.get("/{shop_export}")
def show_export(request: Request, session: http.Db, shop_export: UUID) -> Response:
    """Show one archive: how far it is, or how it is taken away."""
    found = shop_exports.one(session, shop_export)
    shop = retailers.retailer(session, found.retailer)
    return console.page(request, "keeping/shop_export.html", one=found, shop=shop, states=STATES, under_way=UNDER_WAY)


@exports.get("/{shop_export}/progress")
def progress(request: Request, session: http.Db, shop_export: UUID) -> Response:
    """Return how far it is; once it is over, have the whole page loaded."""
    found = shop_exports.one(session, shop_export)
    if found.state not in UNDER_WAY:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return console.fragment(request, "keeping/_shop_export_progress.html", one=found, states=STATES)


@taking.post("/{shop_export}/stop")
def stop(request: Request, session: http.Db, clock: http.Now, operator: http.Person, shop_export: UUID) -> Response:
    """Stop it; where it is over by now, that is said."""
    act = partial(shop_exports.stop, session, shop_export, operator, at=clock())
    return console.stopped(request, session, act, back=f"{PLACE}/{shop_export}")


@taking.post("/{shop_export}/again")
def again(request: Request, session: http.Db, clock: http.Now, operator: http.Person, shop_export: UUID) -> Response:
    """Have an archive made anew that failed."""
    made = shop_exports.ask_again(session, shop_export, operator, at=clock())
    said = texts(request).gettext("Asked for. You may close this page; it is kept.")
    return console.redirect(request, f"{PLACE}/{made}", flash=said)


@taking.post("/{shop_export}/file")
def take(session: http.Db, clock: http.Now, operator: http.Person, shop_export: UUID) -> Response:
    """Hand the archive over; that it was taken is written down."""
    content, found = shop_exports.take(session, shop_export, operator, at=clock())
    name = "".join(one if one.isascii() and one.isalnum() else "-" for one in found.retailer)
    return Response(
        content,
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="shop-{name}-{found.asked_at:%Y%m%d}.zip"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


def _list(request: Request, session: Session, code: str, refused: str = "", reason: str = "") -> Response:
    shop = retailers.retailer(session, code)
    if shop is None:
        raise Rejected("not_found", what="retailer", name=code)
    return console.page(
        request,
        "keeping/shop_exports.html",
        status_code=422 if refused else 200,
        shop=shop,
        exports=shop_exports.of_shop(session, code),
        states=STATES,
        errors={"reason": refused} if refused else {},
        reason=reason,
        back=f"/console/retailers/file?{urlencode({'code': code})}",
    )
