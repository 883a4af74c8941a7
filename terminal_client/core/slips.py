"""What is printed: a slip of paper as a list of parts, the same for the screen and for the printer.

A slip says nothing that the screen does not say, and knows no device: widths and fonts are the adapter's.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Width = Literal[58, 80]
WIDTHS_MM: tuple[Width, ...] = (58, 80)


@dataclass(frozen=True)
class Heading:
    """Large words in the middle."""

    text: str
    part: Literal["heading"] = field(default="heading", init=False)


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str
    strong: bool = False
    part: Literal["words"] = field(default="words", init=False)


@dataclass(frozen=True)
class Pair:
    """Words on the left, a figure on the right."""

    left: str
    right: str
    strong: bool = False
    part: Literal["pair"] = field(default="pair", init=False)


@dataclass(frozen=True)
class Rule:
    """A line across the paper."""

    part: Literal["rule"] = field(default="rule", init=False)


@dataclass(frozen=True)
class Square:
    """A QR code, and what it is for."""

    content: str
    caption: str
    part: Literal["square"] = field(default="square", init=False)


Part = Heading | Words | Pair | Rule | Square
_PARTS: dict[str, type[Part]] = {"heading": Heading, "words": Words, "pair": Pair, "rule": Rule, "square": Square}


@dataclass(frozen=True)
class Slip:
    """One piece of paper. ``subject`` names what it is about: a second tap on *print* is for the same subject."""

    subject: str
    parts: tuple[Part, ...]


def to_record(slip: Slip) -> dict[str, Any]:
    """Return a slip as plain values, for another process."""
    return {"subject": slip.subject, "parts": [asdict(part) for part in slip.parts]}


def from_record(record: dict[str, Any]) -> Slip:
    """Return the slip of :func:`to_record`."""
    parts = []
    for fields in record["parts"]:
        known = dict(fields)
        parts.append(_PARTS[known.pop("part")](**known))
    return Slip(record["subject"], tuple(parts))
