"""What the checker hands back."""

from dataclasses import dataclass, field
from typing import Final

_KEPT: Final = 20


class Unreadable(Exception):  # noqa: N818  # a state of the folders, not a fault of the program
    """Problem or result cannot be read; `str()` is one line."""


@dataclass(frozen=True)
class Violation:
    """One thing that does not hold; `place` is a line (retailer, SKU), a file or a field of the certificate."""

    place: str
    what: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.place}: {self.what}"


@dataclass(frozen=True)
class Verdict:
    """Whether a result holds.

    Parameters
    ----------
    violations
        The first twenty; empty if and only if it holds.
    found
        How many there are.
    lines
        How many lines were looked at.
    """

    violations: tuple[Violation, ...]
    found: int
    lines: int

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the result."""
        return self.found == 0


@dataclass
class Findings:
    """Collects violations while the checks run."""

    kept: list[Violation] = field(default_factory=list)
    found: int = 0

    def add(self, place: str, what: str) -> None:
        """Note a violation; beyond the first twenty they are only counted."""
        self.found += 1
        if len(self.kept) < _KEPT:
            self.kept.append(Violation(place, what))

    def expect(self, place: str, what: str, found: object, right: object) -> None:
        """Note a violation where two values differ."""
        if found != right:
            self.add(place, f"{what} is {found}, not {right}")

    def include(self, others: "Findings") -> None:
        """Take over what was found elsewhere."""
        self.found += others.found
        self.kept += others.kept[: _KEPT - len(self.kept)]

    def verdict(self, lines: int) -> Verdict:
        """Return what was found."""
        return Verdict(tuple(self.kept), self.found, lines)
