"""What licences tell those above."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LicencesChanged:
    """Licences are new or differ; one event a step. ``retailers`` are their holders, none where many are."""

    retailers: tuple[str, ...] | None
    at: datetime
