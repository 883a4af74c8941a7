"""Who is in an audience, and what there is to choose from."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from server.audiences.rules import CODES_MOST, TOO_MANY_CODES, UNKNOWN_CODES, Addressed
from server.kit.fields import Invalid, Unfit
from server.licences import queries as licences
from server.retailers import queries as retailers

SHOWN: Final = 5


@dataclass(frozen=True)
class Choices:
    """What a form offers to choose from."""

    regions: tuple[str, ...]
    routes: tuple[str, ...]
    tiers: tuple[int, ...]
    market_types: tuple[str, ...]
    licence_classes: tuple[str, ...]


def check(session: Session, audience: Addressed) -> None:
    """Refuse a list of shops that is too long or names an unknown one.

    Raises
    ------
    Invalid
        Naming ``codes``.
    """
    if len(audience.codes) > CODES_MOST:
        raise Invalid({"codes": Unfit(TOO_MANY_CODES, count=len(audience.codes), most=CODES_MOST)})
    known = retailers.known(session, audience.codes) if audience.codes else frozenset()
    unknown = [code for code in audience.codes if code not in known]
    if unknown:
        raise Invalid({"codes": Unfit(UNKNOWN_CODES, codes=", ".join(unknown[:SHOWN]))})


def codes_in(session: Session, audience: Addressed, on: date) -> list[str]:
    """Return the codes of the shops that are addressed, by what holds on the day ``on``, in order."""
    fit = _fitting(session, audience, on)
    return [code for code in retailers.codes_in(session, audience) if all(code in those for those in fit)]


def places_in(session: Session, audience: Addressed, on: date) -> dict[str, tuple[str, int]]:
    """Return region and tier of the shops that are addressed, by code."""
    fit = _fitting(session, audience, on)
    places = retailers.places_in(session, audience)
    return {code: place for code, place in places.items() if all(code in those for those in fit)}


def choices(session: Session) -> Choices:
    """Return what a form offers."""
    placed = retailers.audience_choices(session)
    types, classes = retailers.market_types(session), tuple(licences.classes(session))
    return Choices(placed.regions, placed.routes, placed.tiers, types, classes)


def _fitting(session: Session, audience: Addressed, on: date) -> list[frozenset[str]]:
    """Return, for each part that says more than where a shop stands, the codes of those that fit it."""
    fit = []
    if audience.market_types:
        fit.append(retailers.codes_of_types(session, audience.market_types))
    if audience.licence_classes or audience.licence:
        fit.append(licences.holders(session, audience.licence_classes, audience.licence or "held", on))
    if audience.codes:
        fit.append(frozenset(audience.codes))
    return fit
