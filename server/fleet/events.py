"""What the fleet announces."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AlertsChanged:
    """Alerts opened or ended.

    Each says ``number``, ``rule``, ``severity``, ``device`` (none: a storm), ``terminals`` and ``state``.
    """

    alerts: list[dict[str, str | int | None]]
    at: datetime
