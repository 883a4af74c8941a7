"""What the checker hands back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from allocation.verification.sentences import Sentence, sentence

_KEPT: Final = 20


class Unreadable(Exception):  # noqa: N818  # a state of the folders, not a fault of the program
    """Problem or result cannot be read; `str()` is one line."""


@dataclass(frozen=True)
class Violation:
    """One thing that does not hold.

    Parameters
    ----------
    place
        A line (``retailer, SKU``), a constraint, a file.
    sentence
        What is wrong there.
    before_choice
        Whether it is the filling before minimums and bundles that does not hold.
    """

    place: str
    sentence: Sentence
    before_choice: bool = False

    @property
    def what(self) -> str:
        """What is wrong, in English."""
        return self.sentence.said()

    def said(self, lang: str = "en") -> str:
        """Return place and finding in one line, in English (``en``) or Chinese (``zh``)."""
        place, what = self.place, self.sentence.said(lang)
        if self.before_choice:
            place = sentence("before minimums and bundles, {place}", place=place).said(lang)
        return f"{place}：{what}" if lang == "zh" else f"{place}: {what}"

    def __str__(self) -> str:
        """One line, in English."""
        return self.said()


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

    def as_dict(self, lang: str = "en") -> dict[str, Any]:
        """Return it ready for JSON, what is wrong in `lang`."""
        return {
            "holds": self.holds,
            "lines": self.lines,
            "found": self.found,
            "violations": [
                {"place": violation.place, "what": violation.sentence.said(lang), "said": violation.said(lang)}
                for violation in self.violations
            ],
        }


@dataclass
class Findings:
    """Collects violations while the checks run."""

    kept: list[Violation] = field(default_factory=list)
    found: int = 0

    def add(self, place: str, text: str, **facts: Any) -> None:
        """Note a violation; beyond the first twenty they are only counted, and one that is noted not again."""
        violation = Violation(place, Sentence(text, facts))
        if violation in self.kept:
            return
        self.found += 1
        if len(self.kept) < _KEPT:
            self.kept.append(violation)

    def expect(self, place: str, what: str, found: object, right: object, **facts: Any) -> None:
        """Note a violation where two values differ; `what` names the value."""
        if found == right:
            return
        named = Sentence(what, facts)
        if found is None or found in ({}, []):
            self.add(place, "{what} is missing; {right} is due", what=named, right=right)
        elif right is None or right in ({}, []):
            self.add(place, "{what} is {found}, and none is due", what=named, found=found)
        else:
            self.add(place, "{what} is {found}, not {right}", what=named, found=found, right=right)

    def expect_all(self, place: str, what: str, found: Mapping[str, Any], right: Mapping[str, Any]) -> None:
        """Note a violation for each name under which two mappings differ; `what` has a place for the name."""
        for name in sorted(found.keys() | right.keys()):
            self.expect(place, what, found.get(name), right.get(name), name=name)

    def include(self, others: "Findings", *, before_choice: bool = False) -> None:
        """Take over what was found elsewhere."""
        self.found += others.found
        taken = others.kept[: _KEPT - len(self.kept)]
        self.kept += [replace(violation, before_choice=True) for violation in taken] if before_choice else taken

    def verdict(self, lines: int) -> Verdict:
        """Return what was found."""
        return Verdict(tuple(self.kept), self.found, lines)
