"""How numbers, packs, money and times are written for a person, by language and the distributor's zone.

Every function of :class:`Formats` is a filter in templates: ``{{ order.placed_at | instant }}``.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from gettext import NullTranslations
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision
from markupsafe import Markup

from contract.texts import Language

LOCALES: dict[Language, str] = {"zh": "zh_Hans_CN", "en": "en_GB"}
DAYS: dict[Language, str] = {"zh": "y年M月d日", "en": "d MMM y"}
Day = date  # the class below has a method of that name
MINUS = "\N{MINUS SIGN}"


@lru_cache(maxsize=8_192, typed=True)
def _decimal(value: float | Decimal, pattern: str | None, locale: str) -> str:
    """Write a number; kept, since a page writes the same small numbers hundreds of times."""
    written: str = format_decimal(value, format=pattern, locale=locale)
    return written.replace("-", MINUS)


@dataclass(frozen=True)
class Formats:
    """The formats of one answer."""

    language: Language
    zone: ZoneInfo
    currency: str
    texts: NullTranslations
    now: datetime

    @property
    def locale(self) -> str:
        """Babel's name of the language."""
        return LOCALES[self.language]

    def number(self, value: float | Decimal | None, digits: int | None = None) -> str:
        """Return a number with its groups; ``digits`` after the point where given; a dash for ``None``."""
        if value is None:
            return "–"
        pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return _decimal(value, pattern, self.locale)

    def signed(self, value: float | Decimal | None, digits: int | None = None) -> str:
        """Return a change: its sign always shown, ``±0`` for none."""
        if value is None:
            return "–"
        if value == 0:
            return "±" + self.number(0, digits)
        return ("+" if value > 0 else "") + self.number(value, digits)

    def percent(self, fraction: float | Decimal | None, digits: int = 1) -> str:
        """Return a fraction (0.714) as a percentage (71.4%)."""
        if fraction is None:
            return "–"
        pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
        written: str = format_percent(fraction, format=pattern, locale=self.locale)
        return written.replace("-", MINUS)

    def packs(self, quantity_units: int | None, pack_units: int) -> str:
        """Return units as whole packs and the rest, never as decimals: 35 of 12 is ``2 boxes + 11``."""
        if quantity_units is None:
            return "–"
        full, rest = divmod(abs(quantity_units), pack_units)
        if pack_units == 1 or full == 0:
            return self.number(quantity_units)
        sign = MINUS if quantity_units < 0 else ""
        boxes = self.texts.ngettext("%(count)s box", "%(count)s boxes", full) % {"count": self.number(full)}
        if rest == 0:
            return f"{sign}{boxes}"
        return f"{sign}{boxes} {sign or '+'} {self.number(rest)}"

    def money(self, amount_minor: int | None, currency: str | None = None) -> str:
        """Return an amount of minor units (cents, fen) in its currency."""
        if amount_minor is None:
            return "–"
        code = currency or self.currency
        amount = Decimal(amount_minor).scaleb(-get_currency_precision(code))
        written: str = format_currency(amount, code, locale=self.locale)
        # One sign for one currency, here and on the terminals, whatever the language.
        return written.replace("CN¥", "¥").replace("-", MINUS)

    def date(self, value: date | None) -> str:
        """Return a day; of an instant, its day in the distributor's zone."""
        if value is None:
            return "–"
        if isinstance(value, datetime):
            value = value.astimezone(self.zone).date()
        written: str = format_date(value, format=DAYS[self.language], locale=self.locale)
        return written

    def month(self, value: Day | None) -> str:
        """Return a month, named by its first day."""
        if value is None:
            return "–"
        written: str = format_date(value, format="y年M月" if self.language == "zh" else "MMM y", locale=self.locale)
        return written

    def instant(self, value: datetime | None, *, seconds: bool = False, short: bool = False) -> Markup:
        """Return a ``<time>``: day and time in the distributor's zone with the UTC offset of that day.

        Where many stand below each other, ``short`` leaves out the weekday, and the offset while it is that of now; the
        title says it whole.
        """
        if value is None:
            return Markup("–")
        local = value.astimezone(self.zone)
        day = "y年M月d日" if self.language == "zh" else "d MMM y"
        clock = "HH:mm:ss" if seconds else "HH:mm"
        named = f"{day} EEE" if self.language == "zh" else f"EEE {day}"
        offset = self.offset(value)
        whole = f"{format_datetime(local, format=f'{named} {clock}', locale=self.locale)} {offset}"
        if not short:
            return self._time(value, whole)
        written = format_datetime(local, format=f"{day} {clock}", locale=self.locale)
        return self._time(value, written if offset == self.offset(self.now) else f"{written} {offset}", title=whole)

    def wall(self, value: datetime | None, zone: str) -> Markup:
        """Return an instant like :meth:`instant`, as the wall clocks of another zone show it."""
        return replace(self, zone=ZoneInfo(zone)).instant(value)

    def clock(self, value: datetime | None, *, seconds: bool = False) -> Markup:
        """Return a ``<time>`` of hours and minutes alone, for places that name the day already."""
        if value is None:
            return Markup("–")
        local = value.astimezone(self.zone)
        return self._time(value, local.strftime("%H:%M:%S" if seconds else "%H:%M"))

    def moment(self, value: datetime | None) -> Markup:
        """Return a ``<time>`` where there is little room: day and time, the year where it is not this one."""
        if value is None:
            return Markup("–")
        local = value.astimezone(self.zone)
        day = "M月d日" if self.language == "zh" else "d MMM"
        if local.year != self.now.astimezone(self.zone).year:
            day = f"y年{day}" if self.language == "zh" else f"{day} y"
        written = format_datetime(local, format=f"{day} HH:mm", locale=self.locale)
        return self._time(value, written, title=self.instant(value, seconds=True).striptags())

    def relative(self, value: datetime | None) -> Markup:
        """Return how long ago or ahead an instant is, as ``<time>`` with the instant as its title."""
        if value is None:
            return Markup("–")
        apart = value - self.now
        if abs(apart) < timedelta(seconds=1):
            written = self.texts.gettext("just now")
        else:
            written = format_timedelta(apart, add_direction=True, locale=self.locale)
        return self._time(value, written, title=self.instant(value, seconds=True).striptags())

    def countdown(self, value: datetime | None) -> Markup:
        """Return the hours, minutes and seconds left until an instant, days from two on.

        A page counts on by the server's clock.
        """
        if value is None:
            return Markup("–")
        left = max(0, int((value - self.now).total_seconds()))
        days = left // 86_400 if left >= 2 * 86_400 else 0
        rest = left - days * 86_400
        written = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
        if days:
            written = self.texts.gettext("%(days)s d %(clock)s") % {"days": days, "clock": written}
        machine = value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return Markup('<time class="num" datetime="{0}" data-countdown="{0}">{1}</time>').format(machine, written)

    def offset(self, value: datetime) -> str:
        """Return the distributor's UTC offset at an instant: ``UTC+08:00``."""
        written = value.astimezone(self.zone).strftime("%z")
        return f"UTC{written[:3]}:{written[3:5]}"

    @staticmethod
    def _time(value: datetime, text: str, *, title: str | None = None) -> Markup:
        machine = value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if title is None:
            return Markup('<time datetime="{}">{}</time>').format(machine, text)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, title, text)


FILTERS = (
    "number",
    "signed",
    "percent",
    "packs",
    "money",
    "date",
    "month",
    "instant",
    "wall",
    "clock",
    "moment",
    "relative",
    "countdown",
)
