"""Photos that go with a claim, a complaint or an appeal: how they are named, how large they are, how they are sent.

A message names each photo by its SHA-256 and is received with or without it. The bytes follow over HTTP, in parts,
under that name: ``GET /device/v1/photos/{sha256}`` says how much the server has, ``PATCH`` with ``Upload-Offset``
adds a part (the header's name is that of resumable uploads, draft-ietf-httpbis-resumable-upload). Both are answered
by a :class:`PhotoState`; a part that the server has already changes nothing. What a photo is, is told by its bytes
(:func:`measure`), which are not decoded.
"""

import struct
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_BYTES = 200 * 1024
"""Of one photo. Terminals make them smaller before they keep them."""
MOST_PHOTOS = 3
"""With one line of a delivery, one complaint, one appeal."""
MOST_IN_DELIVERY = 20
"""With all lines of one delivery: so many names fit into its message."""
PART_BYTES = 16 * 1024
"""Sent at once: a slow line gets one through before it gives up."""
MOST_SIDE_PX = 4096

MediaType = Literal["image/jpeg", "image/png", "image/webp"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Photo(BaseModel):
    """A photo as a message names it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1, le=MOST_BYTES, strict=True)]


Photos = Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)]


class PhotoState(BaseModel):
    """How much of a photo the server has. ``complete``: all of it, and it is what its name says.

    ``refused`` is the code of :mod:`contract.errors` with which it is not taken, for ever.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: Sha256
    have_bytes: int
    complete: bool
    refused: str | None = None


@dataclass(frozen=True)
class Picture:
    """What the first bytes of a picture say of it."""

    media_type: MediaType
    width_px: int
    height_px: int

    @property
    def fits(self) -> bool:
        """Whether it is of a size that is taken."""
        return 0 < self.width_px <= MOST_SIDE_PX and 0 < self.height_px <= MOST_SIDE_PX


def measure(content: bytes) -> Picture | None:
    """Return what a JPEG, PNG or WebP is, read from its header alone; none where it is none of these."""
    try:
        if content.startswith(b"\xff\xd8\xff"):
            return _jpeg(content)
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
    except (struct.error, IndexError):
        return None
    return None


def _png(content: bytes) -> Picture | None:
    length, name, width, height = struct.unpack_from(">I4sII", content, 8)
    return Picture("image/png", width, height) if (length, name) == (13, b"IHDR") else None


#: Start of frame: the markers SOF0 to SOF15, of which DHT, JPG and DAC are none.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_MARKS = 0xFF
"""The byte before a marker; more of it before one is filling."""
_LEAST_SEGMENT = 2
"""A segment's length counts the two bytes that say it."""
_LOSSLESS = 0x2F
"""The signature of a lossless WebP."""


def _jpeg(content: bytes) -> Picture | None:
    at = 2
    while content[at] == _MARKS:
        marker = content[at + 1]
        if marker == _MARKS or marker in _WITHOUT_LENGTH:
            at += 1 if marker == _MARKS else 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return Picture("image/jpeg", width, height)
        if length < _LEAST_SEGMENT:
            return None
        at += 2 + length
    return None


def _webp(content: bytes) -> Picture | None:
    kind = content[12:16]
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return Picture("image/webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and content[20] == _LOSSLESS:
        (bits,) = struct.unpack_from("<I", content, 21)
        return Picture("image/webp", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
    if kind == b"VP8X":
        *wide, low, middle, top = struct.unpack_from("6B", content, 24)
        return Picture(
            "image/webp", int.from_bytes(wide, "little") + 1, int.from_bytes((low, middle, top), "little") + 1
        )
    return None
