"""``GET /device/v1/reference``: fetched once, then only when it changed."""

from typing import Annotated

from fastapi import Header, Response

from contract.device_api import Reference
from server.devices.http import KnownSender
from server.kit import http
from server.reference import queries

device_api = http.router("/device/v1", tag="device")


@device_api.get("/reference", response_model=Reference, responses={304: {"description": "Not changed"}})
def reference(
    sender: KnownSender,
    session: http.DeviceDb,
    clock: http.Now,
    settings: http.Config,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return what this terminal must know; 304 where it knows it already."""
    basis = queries.basis(session, sender.party, at=clock(), zone=settings.tz, currency=settings.currency)
    tag = f'"{basis.version}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"ETag": tag})
    document = queries.document(session, basis)
    return Response(document.model_dump_json(exclude_none=True), media_type="application/json", headers={"ETag": tag})
