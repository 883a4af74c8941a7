"""How values look: money, packs, times, texts in the chosen language. Pure functions of value and language."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from gettext import NullTranslations
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contract.device_api import CatalogueItem
from contract.feed import Text
from contract.texts import Language, refusal_text
from terminal_client.core.order_rules import in_packs
from terminal_client.core.server_clock import instant
from terminal_client.core.views.catalogue import Catalogue

SIGNS = {"CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$"}
WITHOUT_MINOR = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})
DAYS = 6


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Mark ``text`` for extraction; it is translated where it is shown."""
    return text


WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


MONTHS = (
    N_("Jan"),
    N_("Feb"),
    N_("Mar"),
    N_("Apr"),
    N_("May"),
    N_("Jun"),
    N_("Jul"),
    N_("Aug"),
    N_("Sep"),
    N_("Oct"),
    N_("Nov"),
    N_("Dec"),
)


def month(first_day: date, texts: NullTranslations) -> str:
    """Return a month by its name and year: ``Dec 2026``, ``2026年12月``."""
    name = texts.gettext(MONTHS[first_day.month - 1])
    return texts.gettext("{month} {year}").format(month=name, year=first_day.year)


def text(value: Text, language: Language) -> str:
    """Return a text in the chosen language, or in the other one where that is all there is."""
    here, there = (value.zh, value.en) if language == "zh" else (value.en, value.zh)
    return here or there


def money(amount_minor: int, currency: str) -> str:
    """Return an amount with its sign in front and two decimals, where the currency has any."""
    sign = SIGNS.get(currency, f"{currency} ".lstrip())
    minus = "−" if amount_minor < 0 else ""
    if currency in WITHOUT_MINOR:
        return f"{minus}{sign}{abs(amount_minor):,}"
    whole, part = divmod(abs(amount_minor), 100)
    return f"{minus}{sign}{whole:,}.{part:02}"


def minor(amount: int, currency: str) -> int:
    """Return a whole amount in minor units."""
    return amount if currency in WITHOUT_MINOR else amount * 100


def minor_of(typed: str, currency: str) -> int | None:
    """Return an amount that was typed, ``12.5``, in minor units; none where it is none, or finer than the currency."""
    whole, point, part = typed.partition(".")
    places = 0 if currency in WITHOUT_MINOR else 2
    if not whole.isdecimal() or (point and not part.isdecimal()) or len(part) > places:
        return None
    scale: int = 10**places
    return int(whole) * scale + int(part.ljust(places, "0") or 0)


def typed_amount(amount_minor: int, currency: str) -> str:
    """Return an amount as it is typed: without its sign, without decimals that are naught."""
    whole, part = (amount_minor, 0) if currency in WITHOUT_MINOR else divmod(amount_minor, 100)
    return f"{whole}.{part:02}" if part else str(whole)


def packs(units: int, item: CatalogueItem, texts: NullTranslations) -> str:
    """Return a quantity in whole boxes and units over: ``2 boxes + 11``; without packs, nothing."""
    if item.pack_units == 1:
        return ""
    whole, over = in_packs(units, item.pack_units)
    boxes = texts.ngettext("{count} box", "{count} boxes", abs(whole)).format(count=whole)
    if not over:
        return boxes
    return f"{boxes} + {over}" if whole else str(over)


def zone(name: str | None) -> tzinfo:
    """Return a zone by its IANA name; UTC where the machine does not know it."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def moment(
    at: datetime | int | None, *, now: datetime, here: tzinfo, texts: NullTranslations, offset: bool = False
) -> str:
    """Return an instant as people say it: the time today, weekday and time within a week, else the day too.

    The day is one of this year, or has its year: ``21 Mar 12:00``, ``2028-03-21 12:00``.

    With ``offset``, or where the wall clock shows that time twice or differs from now's, its distance from
    UTC is added, so that a change of the clocks cannot move a deadline unseen.
    """
    if at is None:
        return "–"
    moment_ = (instant(at) if isinstance(at, int) else at).astimezone(here)
    today = now.astimezone(here)
    days = abs(moment_.date() - today.date())
    shown = f"{moment_:%H:%M}"
    if days > timedelta(days=DAYS):
        shown = f"{_day(moment_, today, texts)} {shown}"
    elif days:
        shown = f"{texts.gettext(WEEKDAYS[moment_.weekday()])} {shown}"
    return f"{shown} {_offset(moment_)}" if offset or _needs_offset(moment_, today) else shown


def _day(moment_: datetime, today: datetime, texts: NullTranslations) -> str:
    if moment_.year != today.year:
        return f"{moment_:%Y-%m-%d}"
    month_ = texts.gettext(MONTHS[moment_.month - 1])
    return texts.gettext("{day} {month}").format(day=moment_.day, month=month_)


def _needs_offset(moment_: datetime, today: datetime) -> bool:
    twice = moment_.replace(fold=0).utcoffset() != moment_.replace(fold=1).utcoffset()
    return twice or moment_.utcoffset() != today.utcoffset()


def _offset(moment_: datetime) -> str:
    minutes = round((moment_.utcoffset() or timedelta()) / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def countdown(remaining_ms: int, texts: NullTranslations) -> str:
    """Return what is left as ``23:00:00``, from a day on as days and hours; seconds are rounded up."""
    seconds = max(0, -(-remaining_ms // 1000))
    days, hours = divmod(seconds // 3600, 24)
    if days:
        return texts.ngettext("{days} day {hours} h", "{days} days {hours} h", days).format(days=days, hours=hours)
    return f"{hours:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def refusal(code: str, params: dict[str, str | int], language: Language, catalogue: Catalogue | None = None) -> str:
    """Return the sentence of a refusal, SKUs by their names."""
    named = dict(params)
    sku = named.get("sku")
    if catalogue is not None and isinstance(sku, str) and sku in catalogue.items:
        named["sku"] = text(catalogue.items[sku].name, language)
    return refusal_text(code, named, language)


def refusal_moments(
    params: dict[str, str | int], *, now: datetime, here: tzinfo, texts: NullTranslations
) -> dict[str, str | int]:
    """Return the parameters with instants as people say them."""
    shown = dict(params)
    for name, value in params.items():
        if isinstance(value, str) and name in ("at", "opens_at", "closed_at"):
            try:
                shown[name] = moment(datetime.fromisoformat(value), now=now, here=here, texts=texts)
            except (ValueError, TypeError):
                continue
    return shown
