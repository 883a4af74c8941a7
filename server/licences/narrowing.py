"""How shops are found by their licences."""

from datetime import date, timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import aliased

from server.kit.console import N_, Filter
from server.licences.models import LicenceRow
from server.retailers.narrowing import Narrowing


def _running(licence: type[LicenceRow], on: date) -> tuple[ColumnElement[bool], ...]:
    return (licence.state == "valid", licence.valid_from <= on, licence.valid_until >= on)


def _stands(code: ColumnElement[str], wanted: str, on: date) -> ColumnElement[bool]:
    holders = select(LicenceRow.retailer)
    if wanted == "none":
        return code.not_in(holders)
    if wanted == "expired":
        other = aliased(LicenceRow)
        renewed = exists().where(
            other.retailer == LicenceRow.retailer,
            other.licence_class == LicenceRow.licence_class,
            *_running(other, on),
        )
        return code.in_(holders.where(LicenceRow.state == "valid", LicenceRow.valid_until < on, ~renewed))
    if wanted == "valid":
        return code.in_(holders.where(*_running(LicenceRow, on)))
    return code.in_(holders.where(LicenceRow.state == wanted))


def _runs_out(code: ColumnElement[str], days: str, on: date) -> ColumnElement[bool]:
    soon = on + timedelta(days=int(days))
    return code.in_(select(LicenceRow.retailer).where(*_running(LicenceRow, on), LicenceRow.valid_until < soon))


NARROWINGS = (
    Narrowing(
        Filter(
            "licence",
            N_("Licence"),
            (
                ("valid", N_("valid")),
                ("expired", N_("run out")),
                ("suspended", N_("suspended")),
                ("cancelled", N_("cancelled")),
                ("none", N_("none held")),
            ),
        ),
        _stands,
    ),
    Narrowing(
        Filter(
            "runs_out",
            N_("Runs out within"),
            (
                ("30", N_("30 days")),
                ("60", N_("60 days")),
                ("90", N_("90 days")),
                ("180", N_("180 days")),
            ),
        ),
        _runs_out,
    ),
)
