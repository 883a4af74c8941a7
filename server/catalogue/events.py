"""What the catalogue tells those above."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CatalogueChanged:
    """SKUs are new or differ; one event a step, however many rows a file had. ``skus`` is none where many did."""

    skus: tuple[str, ...] | None
    at: datetime
