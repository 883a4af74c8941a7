"""The interface's description (OpenAPI): what holds for many routes is said once, or for each without its saying so."""

from typing import Any

from fastapi import FastAPI

from server.kit import idempotency, paging
from server.kit.http import ANSWERS, READS
from server.kit.identity import API

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token that an administrator made under *API tokens*, `evh_` and 43 characters.",
}
_KEY = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "description": (
        "1 to 255 printable ASCII characters. A repeat under the same key gets the first answer, with "
        f"`{idempotency.REPLAYED}: true`, and does nothing; the same key with something else is refused "
        f"(`409 id_reused`). Kept for at least {idempotency.KEPT_DAYS} days."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.KEY_MOST, "pattern": "^[ -~]*$"},
}
_LINK = {
    "description": 'Where more is left, the next page: `</api/v1/...&cursor=...>; rel="next"` (RFC 8288)',
    "schema": {"type": "string"},
}


def describe(app: FastAPI) -> None:
    """Let the description point to one place for how a route may refuse, and name token and key of programs."""
    described = app.openapi

    def whole() -> dict[str, Any]:
        schema = described()
        parts = schema["components"]
        parts.setdefault("securitySchemes", {})["token"] = _BEARER
        parts.setdefault("parameters", {})["IdempotencyKey"] = _KEY
        named = parts.setdefault("responses", {})
        for address, path in schema["paths"].items():
            for method, operation in path.items():
                _share_refusals(operation["responses"], named)
                _name_next_page(operation)
                if address.startswith(API):
                    _name_programs_ways(operation, reads=method.upper() in READS)
        return schema

    app.openapi = whole  # type: ignore[method-assign] # FastAPI's own way to change the description


def _share_refusals(answers: dict[str, Any], named: dict[str, Any]) -> None:
    for status, answer in answers.items():
        said = ANSWERS.get(int(status)) if status.isdecimal() else None
        if said is not None and answer.get("description") == said["description"]:
            named[f"Refused{status}"] = answer
            answers[status] = {"$ref": f"#/components/responses/Refused{status}"}


def _name_next_page(operation: dict[str, Any]) -> None:
    if any(one.get("name") == "cursor" for one in operation.get("parameters", [])):
        operation["responses"]["200"].setdefault("headers", {})[paging.LINK] = _LINK


def _name_programs_ways(operation: dict[str, Any], *, reads: bool) -> None:
    operation.setdefault("security", [{"token": []}])
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    if not reads and key not in operation.setdefault("parameters", []):
        operation["parameters"].append(key)
