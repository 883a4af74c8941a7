"""What cycles tell those above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class PolicyChanged:
    """Two persons gave a cycle another policy after its announcement."""

    change: UUID
    at: datetime


@dataclass(frozen=True)
class GrantsPublished:
    """Every retailer of the cycle can see what it was granted, or what a correction grants in its place."""

    cycle: UUID
    at: datetime
