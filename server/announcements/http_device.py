"""How a terminal fetches what goes with an announcement: by ranges, so that what was cut off goes on where it stood."""

import re
from typing import Annotated

from fastapi import Header, Path, Response

from server.announcements import attached
from server.devices.http import KnownSender
from server.kit import http

PARTIAL, NOT_SATISFIABLE = 206, 416
_RANGE = re.compile(r"bytes=(\d{1,9})-(\d{0,9})")

device_api = http.router("/device/v1/attachments", tag="device")

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@device_api.get("/{sha256}", response_class=Response, responses={PARTIAL: {}, NOT_SATISFIABLE: {}})
def fetch(
    sha256: Sha256,
    sender: KnownSender,
    session: http.DeviceDb,
    wanted: Annotated[str, Header(alias="Range", max_length=64)] = "",
) -> Response:
    """Return a page, or the one range of it that is asked for (RFC 9110, 14). The name is the hash of the whole."""
    content = attached.content_for(session, sender.party, sha256)
    headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    asked = _RANGE.fullmatch(wanted)
    if asked is None:
        return Response(content, media_type="image/jpeg", headers=headers)
    first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
    if first > last:
        return Response(status_code=NOT_SATISFIABLE, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], PARTIAL, media_type="image/jpeg", headers=headers)
