"""How a terminal reads the repository, see :mod:`contract.releases`. It trusts what it reads by signatures alone."""

import re
from pathlib import Path as File
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Response

from contract.errors import Rejected
from contract.releases import PLATFORM, RANGE_MOST_BYTES, VERSION
from server.devices.http import known_sender
from server.kit import http
from server.releases.repository import Repository

PARTIAL, NOT_SATISFIABLE = 206, 416
_RANGE = re.compile(r"bytes=(\d{1,10})-(\d{0,10})")

device_api = http.router("/device/v1/updates", tag="device")
KNOWN = [Depends(known_sender)]

MetadataName = Annotated[str, Path(pattern=r"^(\d{1,9}\.(root|targets|snapshot)|timestamp)\.json$")]
TargetName = Annotated[str, Path(pattern=rf"^[0-9a-f]{{64}}\.terminal-{VERSION}-{PLATFORM}\.tar\.gz$")]
Wanted = Annotated[str, Header(alias="Range", max_length=64)]


@device_api.get("/metadata/{name}", response_class=Response, responses={PARTIAL: {}}, dependencies=KNOWN)
def fetch_metadata(name: MetadataName, request: Request) -> Response:
    """Return a file of The Update Framework; `not_found` where there is none of this number (yet)."""
    path = _repository(request).metadata / name
    try:
        content = path.read_bytes()
    except OSError:
        raise Rejected("not_found", what="metadata", name=name) from None
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})


@device_api.get(
    "/targets/{name}",
    response_class=Response,
    responses={PARTIAL: {}, NOT_SATISFIABLE: {}},
    dependencies=KNOWN,
)
def fetch_target(name: TargetName, request: Request, wanted: Wanted = "") -> Response:
    """Return the range of an archive that is asked for (RFC 9110, 14), at most 1 MiB of it at once."""
    path = _repository(request).targets / name
    if not path.is_file():
        raise Rejected("not_found", what="release", name=name)
    size = path.stat().st_size
    headers = {"ETag": f'"{name[:64]}"', "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    asked = _RANGE.fullmatch(wanted)
    if asked is None:
        if size > RANGE_MOST_BYTES:
            raise Rejected("too_large", size=size, limit=RANGE_MOST_BYTES)
        return Response(path.read_bytes(), media_type="application/gzip", headers=headers)
    first = int(asked[1])
    last = min(int(asked[2] or size), first + RANGE_MOST_BYTES - 1, size - 1)
    if first > last:
        return Response(status_code=NOT_SATISFIABLE, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(_part(path, first, last + 1 - first), PARTIAL, media_type="application/gzip", headers=headers)


def _repository(request: Request) -> Repository:
    return Repository(http.runtime_of(request).settings.data_dir)


def _part(path: File, offset: int, count: int) -> bytes:
    with path.open("rb") as source:
        source.seek(offset)
        return source.read(count)
