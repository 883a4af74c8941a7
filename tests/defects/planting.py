"""What a planted defect is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One textual change of one file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Defect:
    """A seeded defect."""

    name: str
    harm: str
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...]
