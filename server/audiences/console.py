"""The part of a form that says how many shops an audience holds."""

from fastapi import Request, Response

from server.audiences import forms, queries
from server.kit import console, http
from server.kit.console.texts import texts
from server.kit.fields import Invalid

audiences = http.router("/console/audiences", tag="console", roles=("planner",))


@audiences.get("/count")
def count(request: Request, session: http.Db, clock: http.Now) -> Response:
    """Say how many shops an audience holds that is being chosen."""
    counted, refused = None, ""
    try:
        wanted = forms.typed(request.query_params)
        queries.check(session, wanted)
        counted = len(queries.codes_in(session, wanted, clock().date()))
    except Invalid as refusal:
        gettext = texts(request).gettext
        refused = " ".join(unfit.sentence(gettext) for unfit in refusal.problems.values())
    return console.fragment(request, "audiences/count.html", addressed=counted, refused=refused)
