"""How a terminal sends photos: :mod:`contract.photos` says it whole."""

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from contract.errors import Rejected
from contract.photos import PART_BYTES, PhotoState
from server.devices.http import KnownSender
from server.kit import http
from server.photos import service

device_api = http.router("/device/v1/photos", tag="device")

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


async def _part(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > PART_BYTES:
            raise Rejected("too_large", size=len(body), limit=PART_BYTES)
    return body


@device_api.get("/{sha256}")
def show_photo(sha256: Sha256, sender: KnownSender, session: http.DeviceDb) -> PhotoState:
    """Return how much there is of a photo that a message of the shop named."""
    return service.state(session, sender.party, sha256)


@device_api.patch(
    "/{sha256}",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def add_part(
    sha256: Sha256,
    upload_offset: Annotated[int, Header(ge=0, lt=2**31)],
    sender: KnownSender,
    part: Annotated[bytes, Depends(_part)],
    session: http.DeviceDb,
    clock: http.Now,
) -> PhotoState:
    """Add a part to a photo, from ``Upload-Offset`` on; the answer says how much there is then."""
    return service.add_part(session, sender.party, sha256, upload_offset, part, at=clock())
