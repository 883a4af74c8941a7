"""Which fonts the slips are set in: the system's, found by fontconfig. None is brought along."""

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from terminal_client.core.ports import PrinterError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

HAN_FROM = "\u2e80"


@dataclass(frozen=True)
class Face:
    """A font file, and which of the fonts in it."""

    path: str
    index: int

    def sized(self, dots: int) -> "FreeTypeFont":
        """Return the font at a height of so many dots."""
        from PIL import ImageFont  # noqa: PLC0415 - loaded for a print alone

        return ImageFont.truetype(self.path, dots, index=self.index)


def find(*, han: bool, strong: bool) -> Face:
    """Return a sans-serif face; one that holds Chinese where ``han``.

    Raises
    ------
    PrinterError
        ``no_font``: fontconfig is absent, or knows none.
    """
    pattern = "sans-serif" + (":lang=zh-cn" if han else "") + (":bold" if strong else "")
    try:
        found = subprocess.run(
            ["fc-match", "--format", "%{file}\n%{index}\n%{lang}\n", pattern],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PrinterError("no_font", f"fontconfig: {error}") from error
    path, index, languages, *_ = [*found.stdout.split("\n"), "", "", ""]
    if not path or (han and "zh-cn" not in languages.split("|")):
        raise PrinterError("no_font", f"fontconfig has no font for {pattern}")
    return Face(path, int(index or 0) & 0xFFFF)


def needs_han(texts: list[str]) -> bool:
    """Return whether any of the texts holds a character that Latin fonts lack."""
    return any(character >= HAN_FROM for text in texts for character in text)
