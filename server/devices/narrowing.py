"""How shops are found by whether they have a terminal."""

from datetime import date

from sqlalchemy import ColumnElement, select

from server.devices.models import DeviceRow
from server.kit.console import N_, Filter
from server.retailers.narrowing import Narrowing


def _has(code: ColumnElement[str], wanted: str, _on: date) -> ColumnElement[bool]:
    with_terminal = select(DeviceRow.retailer).where(DeviceRow.revoked_at.is_(None))
    return code.in_(with_terminal) if wanted == "yes" else code.not_in(with_terminal)


NARROWINGS = (Narrowing(Filter("terminal", N_("Terminal"), (("yes", N_("has one")), ("no", N_("has none")))), _has),)
