"""My licence and standing: which classes the shop may order today, until when, and what stands against it."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contract.device_api import Licence, Reference
from contract.licences import Stand, stand

#: What a class of goods means for ordering today: it may be ordered, soon not any more, or may not.
Meaning = Literal["open", "ends", "shut"]


@dataclass(frozen=True)
class Held:
    """One licence, how it stands today, and the days that it still holds, the last one included."""

    licence: Licence
    stands: Stand
    days_left: int


@dataclass(frozen=True)
class Class:
    """One class of goods that needs a licence: what it means for ordering, and how many items it is about."""

    name: str
    items: int
    meaning: Meaning
    until: date | None
    days_left: int | None
    held: tuple[Held, ...]


@dataclass(frozen=True)
class LicenceView:
    """The whole page. ``classes`` is none where the server does not tell of licences.

    ``free`` is how many items need no licence.
    """

    standing: Literal["good", "suspended"]
    reason: str | None
    classes: tuple[Class, ...] | None
    free: int

    @property
    def warned(self) -> Class | None:
        """The class that ends soonest within the days of the warning, or has ended; none where all is well."""
        found = [each for each in self.classes or () if each.meaning != "open" and each.until is not None]
        return min(found, key=lambda each: (each.until or date.max, each.name), default=None)


def read(reference: Reference | None, today: date) -> LicenceView | None:
    """Return how the shop stands on ``today``, a day in the distributor's zone; none before the first exchange."""
    if reference is None:
        return None
    needed = Counter(item.licence_class for item in reference.catalogue if item.licence_class is not None)
    free = sum(item.licence_class is None for item in reference.catalogue)
    if reference.licences is None:
        return LicenceView(reference.standing, reference.standing_reason, None, free)
    held: dict[str, list[Held]] = {name: [] for name in needed}
    for licence in reference.licences:
        stands = stand(licence.state, licence.valid_from, licence.valid_until, today)
        held.setdefault(licence.licence_class, []).append(Held(licence, stands, (licence.valid_until - today).days + 1))
    classes = tuple(_class(name, needed[name], held[name], today) for name in sorted(held))
    return LicenceView(reference.standing, reference.standing_reason, classes, free)


def _class(name: str, items: int, held: list[Held], today: date) -> Class:
    """Return a class; several licences that follow one another without a gap count until the end of the last."""
    rank = {"valid": 0, "expiring": 1, "coming": 2, "suspended": 3, "expired": 4, "cancelled": 5}
    ordered = tuple(sorted(held, key=lambda each: (rank[each.stands], -each.licence.valid_until.toordinal())))
    running = [each.licence for each in held if each.stands in ("valid", "expiring")]
    if not running:
        ended = [each.licence.valid_until for each in held if each.stands == "expired"]
        return Class(name, items, "shut", max(ended, default=None), None, ordered)
    until = max(licence.valid_until for licence in running)
    for licence in sorted((each.licence for each in held if each.stands == "coming"), key=lambda one: one.valid_from):
        if licence.valid_from.toordinal() <= until.toordinal() + 1:
            until = max(until, licence.valid_until)
    meaning: Meaning = "ends" if stand("valid", today, until, today) == "expiring" else "open"
    return Class(name, items, meaning, until, (until - today).days + 1, ordered)
