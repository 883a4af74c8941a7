"""The audit's chain on the screen: how far it is, what checks found, a check on demand, what to keep elsewhere."""

from typing import Any

from fastapi import Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import audit_checking, audit_cli, audit_keys, audit_sealing, audit_trail, console, http
from server.kit.console.texts import texts
from server.kit.identity import Actor

chain = http.router("/console/audit", tag="console", roles=audit_trail.READERS)


@chain.get("/chain")
def show_chain(request: Request, session: http.Db) -> Response:
    """Show where the chain ends, what waits for its seal, and what the checks found."""
    return console.page(request, "operators/chain.html", **standing(session))


@chain.get("/chain/progress")
def show_progress(request: Request, session: http.Db) -> Response:
    """Return how far the check under way is, as a part of the page."""
    return console.fragment(request, "operators/_chain_checks.html", **standing(session))


@chain.post("/chain/checks")
def ask_for_check(request: Request, session: http.Db, operator: http.Person, clock: http.Now) -> Response:
    """Have the whole chain checked in the background; one check runs at a time."""
    audit_checking.ask(session, Actor("operator", operator.name), at=clock())
    return console.redirect(request, "/console/audit/chain")


@chain.get("/heads.jsonl")
def export_heads(session: http.Db) -> Response:
    """Return all signed heads, to be kept with somebody else."""
    return _file(audit_cli.exported_heads(session), "application/jsonl", "audit-heads.jsonl")


@chain.get("/key.pem")
def export_key(request: Request, session: http.Db, config: http.Config) -> Response:
    """Return the public key of the newest head."""
    head = audit_sealing.newest_head(session)
    raw = None if head is None else audit_keys.public_keys(config).get(head.key)
    if raw is None:
        raise Rejected("not_found", what=texts(request).gettext("public key"), name="" if head is None else head.key)
    return _file(audit_keys.as_pem(raw).decode(), "application/x-pem-file", "audit-key.pem")


def standing(session: Session) -> dict[str, Any]:
    """Return what the page says of the chain."""
    checks = audit_checking.checks(session)
    return {
        "head": audit_sealing.newest_head(session),
        "waiting": audit_sealing.waiting(session),
        "checks": checks,
        "under_way": next((one for one in checks if one.open), None),
        "last": next((one for one in checks if not one.open), None),
        "faults": audit_cli.WORDS,
    }


def _file(text: str, media_type: str, name: str) -> Response:
    return Response(text, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
