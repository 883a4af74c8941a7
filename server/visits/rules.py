"""Pure decisions about visits: what the rules say in words, which contacts are due by them, what may be kept.

A rule names shops (by tier, market and region; an empty part names all), a person's role, and one of three
occasions: so many days after the last contact, so many days after a claim, or so many shops a month drawn by lot.
Whoever knows the seed of a draw can draw again: of the shops that were there when the month began (or the rule, in its
first month), put into the order of SHA-256 over seed and code, the first are taken.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

Sort = Literal["visit", "call"]
When = Literal["interval", "claim", "sample"]
Who = Literal["manager", "regional", "planner", "administrator"]
Outcome = Literal["done", "shut", "reached", "not_reached", "try_again"]

COUNTS: Final[tuple[Outcome, ...]] = ("done", "reached")
"""A contact with one of these outcomes meets a rule; the others were tried."""
CLAIMS_LOOKED_BACK: Final = timedelta(days=90)
"""A claim that is older makes no call due any more."""
RULES_MOST: Final = 20
QUESTIONS_MOST: Final = 12


@dataclass(frozen=True)
class Rule:
    """One rule. ``days`` is the interval or the term after a claim, ``shops`` the size of a month's sample.

    ``since`` is the day on which the rule began, the first of the ``days`` within which a shop without any contact is
    due. ``questions`` are
    the checklist of a visit or the script of a call, a line each. A stop takes ``minutes``.
    """

    key: str
    name: str
    sort: Sort
    when: When
    who: Who
    since: date
    days: int = 7
    shops: int = 0
    minutes: int = 20
    tiers: tuple[int, ...] = ()
    markets: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    def takes_in(self, shop: "Shop") -> bool:
        """Return whether the rule is about a shop."""
        return (
            (not self.tiers or shop.tier in self.tiers)
            and (not self.markets or shop.market_type in self.markets)
            and (not self.regions or shop.region in self.regions)
        )


@dataclass(frozen=True)
class Shop:
    """A shop as rules see it; ``since`` is the day on which it was taken in, ``closed`` the first without it."""

    code: str
    tier: int
    market_type: str
    region: str
    since: date
    closed: date | None = None


@dataclass(frozen=True)
class Claimed:
    """A claim of a shop: its number, and when it was opened, in the distributor's zone."""

    retailer: str
    number: int
    at: datetime


@dataclass(frozen=True)
class Contacts:
    """What is known of contacts that count.

    ``last`` is the last day by shop and sort; ``by_rule`` the last instant by shop and rule, in the distributor's zone;
    ``try_on`` the day on which to try again, by shop and rule, where that was the last word.
    """

    last: Mapping[tuple[str, str], date]
    by_rule: Mapping[tuple[str, str], datetime]
    try_on: Mapping[tuple[str, str], date]


@dataclass(frozen=True)
class Due:
    """A contact that is due by a rule: for whom, until when and, in ``after`` and ``number``, because of what.

    ``after`` is the day of the last contact, or of the claim, and none where there was no contact; ``number`` is the
    claim's.
    """

    retailer: str
    rule: Rule
    due_on: date
    after: date | None = None
    number: int | None = None
    try_on: date | None = None


def due(
    rules: Sequence[Rule],
    shops: Sequence[Shop],
    claims: Iterable[Claimed],
    contacts: Contacts,
    *,
    today: date,
    until: date,
    drawn_from: Sequence[Shop] | None = None,
) -> list[Due]:
    """Return what is due until a day, the earliest first, then by shop and rule; the same input gives the same list.

    ``drawn_from`` are all shops, of which a month's lot is drawn, where ``shops`` are some of them.
    """
    by_code = {shop.code: shop for shop in shops}
    every = shops if drawn_from is None else drawn_from
    claimed = sorted(claims, key=lambda one: (one.at, one.number))
    found: list[Due] = []
    for rule in rules:
        if rule.when == "interval":
            found += _at_intervals(rule, shops, contacts, until)
        elif rule.when == "claim":
            found += _after_claims(rule, by_code, claimed, contacts, today, until)
        else:
            found += _sampled(rule, by_code, every, contacts, today, until)
    return sorted(found, key=lambda one: (one.due_on, one.retailer.encode(), one.rule.key))


def seed(rule: Rule, month: date) -> str:
    """Return the seed of a month's sample, which the page states."""
    return f"{rule.key}/{rule.since.isoformat()}/{month:%Y-%m}"


def sample(rule: Rule, shops: Iterable[Shop], month: date) -> list[str]:
    """Return the shops that a month's lot falls on: the first of SHA-256(seed "/" code), as many as the rule says."""
    drawn, began = seed(rule, month), max(month, rule.since)
    there = (one for one in shops if one.since <= began and (one.closed is None or one.closed > began))
    meant = [shop.code for shop in there if rule.takes_in(shop)]
    meant.sort(key=lambda code: hashlib.sha256(f"{drawn}/{code}".encode()).digest())
    return meant[: rule.shops]


def _at_intervals(rule: Rule, shops: Sequence[Shop], contacts: Contacts, until: date) -> list[Due]:
    term, found = timedelta(days=rule.days), []
    for shop in shops:
        if not rule.takes_in(shop):
            continue
        last = contacts.last.get((shop.code, rule.sort))
        due_on = max(shop.since, rule.since) + term - timedelta(days=1) if last is None else last + term
        if due_on <= until:
            found.append(Due(shop.code, rule, due_on, last, try_on=contacts.try_on.get((shop.code, rule.key))))
    return found


def _after_claims(
    rule: Rule,
    shops: Mapping[str, Shop],
    claims: Iterable[Claimed],
    contacts: Contacts,
    today: date,
    until: date,
) -> list[Due]:
    """Return a contact for the earliest claim of each shop that none followed yet."""
    found: dict[str, Due] = {}
    for claim in claims:
        shop = shops.get(claim.retailer)
        on = claim.at.date()
        if shop is None or shop.code in found or not rule.takes_in(shop) or on < today - CLAIMS_LOOKED_BACK:
            continue
        heard = contacts.by_rule.get((shop.code, rule.key))
        due_on = on + timedelta(days=rule.days)
        if on >= rule.since and due_on <= until and (heard is None or heard < claim.at):
            try_on = contacts.try_on.get((shop.code, rule.key))
            found[shop.code] = Due(shop.code, rule, due_on, on, claim.number, try_on)
    return list(found.values())


def _sampled(
    rule: Rule,
    shops: Mapping[str, Shop],
    every: Sequence[Shop],
    contacts: Contacts,
    today: date,
    until: date,
) -> list[Due]:
    """Return the contacts of the lots of last month, this one and those that end until a day, of each shop the first.

    A contact meets the lots of its month and of the months before it.
    """
    found: dict[str, Due] = {}
    month = lots_from(today)
    while (due_on := _next(month) - timedelta(days=1)) <= until:
        for code in sample(rule, every, month) if rule.since <= due_on else ():
            heard = contacts.by_rule.get((code, rule.key))
            if code in shops and code not in found and (heard is None or heard.date() < month):
                found[code] = Due(code, rule, due_on, try_on=contacts.try_on.get((code, rule.key)))
        month = _next(month)
    return list(found.values())


def lots_from(today: date) -> date:
    """Return the first day of the earliest month whose lot still counts: last month's."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def written(rule: Rule) -> dict[str, Any]:
    """Return a rule as it is stored."""
    return {**asdict(rule), "since": rule.since.isoformat()}


def read(stored: Mapping[str, Any]) -> Rule:
    """Return a stored rule."""
    listed = {name: tuple(stored[name]) for name in ("tiers", "markets", "regions", "questions")}
    return Rule(**{**stored, **listed, "since": date.fromisoformat(stored["since"])})
