"""Photos in the console: the bytes, for the page of what they were sent with, and their deletion.

Who may see a photo is who may see that page: its capability asks for it, and answers with :func:`shown`.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import console, http
from server.kit.console.texts import texts
from server.photos import queries, service

photos = http.router("/console/photos", tag="console", roles=("administrator",))

PLACES: dict[queries.Sort, str] = {
    "claim": "/console/claims",
    "feedback": "/console/feedback",
    "appeal": "/console/appeals",
    "visit": "/console/visits/kept",
    "survey": "/console/surveys/answers",
}
ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


def shown(session: Session, sort: queries.Sort, subject: UUID, ordinal: int) -> Response:
    """Return a photo's bytes, which came from outside: of one type, never a page, never kept by anyone between.

    Raises
    ------
    Rejected
        ``not_found``, also where it has not come yet or was deleted.
    """
    found = queries.content(session, sort, subject, ordinal)
    if found is None:
        raise Rejected("not_found", what="photo", name=str(ordinal))
    content, media_type = found
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f'inline; filename="{sort}-{ordinal}.{ENDINGS[media_type]}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "private, no-store",
        },
    )


@photos.post("/{photo}/delete")
def delete_photo(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    photo: UUID,
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Delete a photo for good."""
    service.delete_photo(session, photo, why, operator, at=clock())
    place = queries.sent_with(session, photo)
    said = texts(request).gettext("The photo is deleted.")
    return console.redirect(request, "/console/" if place is None else f"{PLACES[place[0]]}/{place[1]}", flash=said)
