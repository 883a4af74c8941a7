"""A slip as a picture in black and white: what leaves the printer is what was drawn, whatever its code pages are."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import segno

from terminal_client.core.slips import Heading, Pair, Part, Rule, Slip, Square, Width, Words

if TYPE_CHECKING:
    from PIL.Image import Image

#: Dots across, of 8 a millimetre: what the head of a 58 and an 80 mm printer can reach.
DOTS: dict[Width, int] = {58: 384, 80: 576}
BODY_DOTS, HEADING_DOTS = 26, 38
GAP_DOTS = 8
DARK_BELOW = 140
#: A word of letters and figures stays together; a Chinese character stands alone.
TOKENS = re.compile(r"[^\s\u2e80-\uffef]+|\s|.")

#: Returns a font of a height in dots, plain or strong.
Fonts = Callable[[int, bool], Any]


@dataclass(frozen=True)
class _Row:
    """What stands beside each other: texts with their left edge, and the height of all."""

    height: int
    texts: tuple[tuple[int, str, Any], ...] = ()
    rule: bool = False
    square: tuple[tuple[int, ...], ...] = ()
    module_dots: int = 1


def draw(slip: Slip, width_mm: Width, fonts: Fonts) -> "Image":
    """Return the picture of a slip: as wide as the paper's printable part, as high as it needs."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - loaded for a print alone

    width = DOTS[width_mm]
    rows = [row for part in slip.parts for row in _rows(part, width, fonts)]
    picture = Image.new("L", (width, sum(row.height for row in rows) + 2 * GAP_DOTS), 255)
    pen = ImageDraw.Draw(picture)
    top = GAP_DOTS
    for row in rows:
        for left, text, font in row.texts:
            pen.text((left, top), text, fill=0, font=font)
        if row.rule:
            pen.line((0, top + row.height // 2, width - 1, top + row.height // 2), fill=0, width=2)
        for y, line in enumerate(row.square):
            for x, dark in enumerate(line):
                if dark:
                    size = row.module_dots
                    left = (width - size * len(line)) // 2 + x * size
                    pen.rectangle((left, top + y * size, left + size - 1, top + (y + 1) * size - 1), fill=0)
        top += row.height
    return picture.point(lambda value: 255 if value >= DARK_BELOW else 0).convert("1")


def _rows(part: Part, width: int, fonts: Fonts) -> Iterator[_Row]:
    match part:
        case Heading(text):
            yield from _paragraph(text, width, fonts(HEADING_DOTS, True), HEADING_DOTS, centred=True)
        case Words(text, strong):
            yield from _paragraph(text, width, fonts(BODY_DOTS, strong), BODY_DOTS)
        case Pair(left, right, strong):
            yield from _pair(left, right, width, fonts(BODY_DOTS, strong))
        case Rule():
            yield _Row(3 * GAP_DOTS, rule=True)
        case Square(content, caption):
            matrix = tuple(tuple(line) for line in segno.make_qr(content, error="m").matrix)
            size = max(2, min(8, width * 6 // 10 // len(matrix)))
            yield _Row(2 * GAP_DOTS)
            yield _Row(size * len(matrix) + 2 * GAP_DOTS, square=matrix, module_dots=size)
            yield from _paragraph(caption, width, fonts(BODY_DOTS, False), BODY_DOTS, centred=True)


def _paragraph(text: str, width: int, font: Any, dots: int, *, centred: bool = False) -> Iterator[_Row]:
    for line in _wrapped(text, width, font):
        left = (width - round(font.getlength(line))) // 2 if centred else 0
        yield _Row(_height(dots), ((max(0, left), line, font),))


def _pair(left: str, right: str, width: int, font: Any) -> Iterator[_Row]:
    """Set the figure at the right edge of the last line of the words, or below where it does not fit."""
    figure = round(font.getlength(right))
    lines = _wrapped(left, width, font) or [""]
    if font.getlength(lines[-1]) + 2 * GAP_DOTS + figure > width:
        lines.append("")
    for line in lines[:-1]:
        yield _Row(_height(BODY_DOTS), ((0, line, font),))
    yield _Row(_height(BODY_DOTS), ((0, lines[-1], font), (max(0, width - figure), right, font)))


def _wrapped(text: str, width: int, font: Any) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for token in _tokens(paragraph, width, font):
            if line and font.getlength(line + token) > width:
                lines.append(line.rstrip())
                line = token.lstrip()
            else:
                line += token
        lines.append(line.rstrip())
    return lines


def _tokens(text: str, width: int, font: Any) -> Iterator[str]:
    for token in TOKENS.findall(text):
        if font.getlength(token) <= width:
            yield token
        else:
            yield from token


def _height(dots: int) -> int:
    return dots * 4 // 3
