"""A shop's terminals, for its timeline."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select

from server.devices.models import DeviceRow
from server.kit.console.moments import Moments, moments
from server.kit.marking import N_


def _of(at: Any, word: str, retailer: str) -> Select[datetime, str, str, str]:
    return moments(at, word, DeviceRow.id, DeviceRow.id).where(DeviceRow.retailer == retailer)


MOMENTS = (
    Moments(
        {"enrolled": (N_("terminal enrolled"),)},
        "/console/devices/{key}",
        lambda retailer: _of(DeviceRow.enrolled_at, "enrolled", retailer),
    ),
    Moments(
        {"revoked": (N_("terminal revoked"),)},
        "/console/devices/{key}",
        lambda retailer: _of(DeviceRow.revoked_at, "revoked", retailer),
    ),
)
