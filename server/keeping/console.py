"""The screen of what is kept of persons: each kind, its term, what was erased; on demand what would be erased now."""

from typing import Literal

from fastapi import Request, Response

from server.keeping import erasing, kinds
from server.kit import console, http
from server.kit.identity import Role

READERS: tuple[Role, ...] = ("administrator", "auditor")
retention = http.router("/console/retention", tag="console", roles=READERS)


@retention.get("")
def show_retention(
    request: Request, session: http.Db, config: http.Config, clock: http.Now, count: Literal["", "now"] = ""
) -> Response:
    """Show what is kept for how long; with ``count`` also what would be erased if it were now."""
    return console.page(
        request,
        "keeping/retention.html",
        standing=erasing.standing(session, config, at=clock(), dry_run=count == "now"),
        counted=count == "now",
        runs=erasing.runs(session),
        hour=erasing.HOUR,
        kept=kinds.KEPT,
    )
