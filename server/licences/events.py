"""What licences tell those above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class LicencesChanged:
    """Licences are new or differ; one event a step. ``retailers`` are their holders, none where many are."""

    retailers: tuple[str, ...] | None
    at: datetime


@dataclass(frozen=True)
class LicencesEnding:
    """Shops are to be told that their licences run out: those of one notice, which have class, last day and step alike.

    ``over_at`` is the end of the last day; ``urgent``, that it is the last notice of it.
    """

    notice: UUID
    over_at: datetime
    urgent: bool
    at: datetime
