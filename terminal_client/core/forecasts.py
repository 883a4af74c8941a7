"""What the shop is going to sell: the server's forecast, the shop's own figures and those agreed on."""

from dataclasses import dataclass
from datetime import date

from contract.feed import Forecast, ForecastClass, ForecastMonth
from terminal_client.core import feed, outbox
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store


@dataclass(frozen=True)
class MonthView:
    """A month to come; ``entry`` is the newest message with a figure of this shop for it."""

    month: ForecastMonth
    entry: Entry | None

    @property
    def own_units(self) -> int | None:
        """The shop's own figure, also while it is on its way or its receipt came before the feed's word."""
        said, told = self.entry, self.month.own_units
        if said is not None and (said.state in {"saved", "sent"} or (said.state == "received" and told is None)):
            units: int = said.data["units"]
            return units
        return told


@dataclass(frozen=True)
class ClassView:
    """A product class; ``months`` are those for which a figure is still taken."""

    known: ForecastClass
    months: tuple[MonthView, ...]

    def month(self, period: date | None) -> MonthView | None:
        """Return the month of ``period``, or the first one; none where no figure is taken any more."""
        return next((one for one in self.months if one.month.period == period), self.months[0] if self.months else None)


@dataclass(frozen=True)
class Shown:
    """The newest forecast whose parts are all there."""

    version: int
    cut_off: date
    classes: tuple[ClassView, ...]


def subject(product_class: str, period: date) -> str:
    """Return what messages about a figure are about."""
    return f"forecast:{period.isoformat()}:{product_class}"


def read(store: Store, clock: ServerClock) -> Shown | None:
    """Return the newest forecast that has arrived whole, or none."""
    by_version: dict[int, dict[int, Forecast]] = {}
    for part in feed.read(store, Forecast):
        by_version.setdefault(part.version, {})[part.part] = part
    whole = [parts for parts in by_version.values() if all(n in parts for n in range(1, parts[min(parts)].parts + 1))]
    if not whole:
        return None
    parts = max(whole, key=lambda found: found[1].version)
    today = clock.now().date()
    classes = [known for number in sorted(parts) if number <= parts[1].parts for known in parts[number].classes]
    return Shown(parts[1].version, parts[1].cut_off, tuple(_class(store, known, today) for known in classes))


def _class(store: Store, known: ForecastClass, today: date) -> ClassView:
    months = []
    for month in known.months:
        if month.period > today:
            said = outbox.about(store, subject(known.product_class, month.period))
            months.append(MonthView(month, said[-1] if said else None))
    return ClassView(known, tuple(months))


def step_units(mean_units: int) -> int:
    """Return by how much a tap moves a figure: 1, 2 or 5 times a power of ten, about a twentieth of what is usual."""
    rough = max(mean_units // 20, 1)
    power = int("1" + "0" * (len(str(rough)) - 1))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= rough)
