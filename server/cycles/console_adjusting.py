"""Manual decisions on the review page: one form to propose, two buttons for the second person."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from server.cycles import adjusting
from server.cycles.console import PLACE, problems
from server.cycles.console_review import show_review
from server.cycles.terms import UNITS
from server.kit import console, http
from server.kit.console.texts import texts
from server.kit.fields import Invalid, Unfit

planning = http.router(PLACE, tag="console", roles=("planner",))
releasing = http.router(PLACE, tag="console", roles=("releaser",))

Seen = Annotated[str | None, Form(max_length=64)]


@planning.post("/{cycle}/adjustments")
def propose(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    retailer: Annotated[str, Form()] = "",
    sku: Annotated[str, Form()] = "",
    granted_units: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    seen: Seen = None,
) -> Response:
    """Propose what a line gets; an empty number takes an earlier decision back."""
    values = {"retailer": retailer, "sku": sku, "granted_units": granted_units, "reason": reason}

    def act() -> None:
        typed = granted_units.strip()
        try:
            units = UNITS.read(typed) if typed else None
        except Unfit as unfit:
            raise Invalid({"granted_units": unfit}) from None
        wanted = adjusting.Decision(retailer.strip(), sku.strip(), units, reason)
        adjusting.propose(session, cycle, wanted, by=operator, at=clock(), seen=seen)

    return _perform(
        request, session, cycle, act, texts(request).gettext("Proposed. A second person decides on it."), values
    )


@releasing.post("/{cycle}/adjustments/{adjustment}/approve")
def approve(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    adjustment: UUID,
    seen: Seen = None,
) -> Response:
    """Approve as the second person."""
    return _perform(
        request,
        session,
        cycle,
        lambda: adjusting.approve(session, cycle, adjustment, by=operator, at=clock(), seen=seen),
        texts(request).gettext("Approved. The book is shared out again around it, and checked."),
    )


@releasing.post("/{cycle}/adjustments/{adjustment}/decline")
def decline(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    adjustment: UUID,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Decline as the second person."""
    return _perform(
        request,
        session,
        cycle,
        lambda: adjusting.decline(session, cycle, adjustment, reason=reason, by=operator, at=clock()),
        texts(request).gettext("Declined. The result stays as it is."),
    )


def _perform(
    request: Request,
    session: Session,
    cycle: UUID,
    act: Callable[[], None],
    done: str,
    values: dict[str, str] | None = None,
) -> Response:
    try:
        act()
    except Invalid as refused:
        session.rollback()
        return show_review(
            request, session, cycle, errors=problems(refused, texts(request).gettext), values=values or {}
        )
    return console.redirect(request, f"{PLACE}/{cycle}/review", flash=done)
