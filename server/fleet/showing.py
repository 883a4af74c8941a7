"""How the fleet is drawn: a terminal's health against its limits, figures over time, rings of shares.

Pure but for the texts, which are given in the reader's language.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, Literal

from markupsafe import Markup

from server.devices.queries import Device
from server.fleet import alarm_rules
from server.fleet.alarm_rules import Rule
from server.fleet.history import Point
from server.kit.console import charts
from server.kit.console.time_chart import Line, over_time
from server.kit.marking import N_

Gettext = Callable[[str], str]
Tone = Literal["ok", "wait", "stop", "idle"]
SHARES_MOST: Final = 6
"""Colours of shares in a ring; what is rarer is drawn as one."""
OF_RULE: Final[Mapping[alarm_rules.Figure, str]] = {
    "queue_age": N_("Oldest message waits"),
    "clock_off": N_("Its clock is off"),
    "disk_free": N_("Disk free"),
    "temperature": N_("Temperature"),
    "certificate_left": N_("Certificate, left of its life"),
    "storage": N_("Failed writes"),
}
UNITS: Final[Mapping[alarm_rules.Figure, str]] = {
    "queue_age": N_("min"),
    "clock_off": N_("s"),
    "disk_free": "%",
    "temperature": "°C",
    "certificate_left": "%",
    "storage": "",
}


@dataclass(frozen=True)
class Measured:
    """A figure of a terminal: what it is, how much (none: not told), its limit of the rules, how it stands to that."""

    label: str
    value: float | None
    unit: str
    limit: int | None
    below: bool
    tone: Tone


def measured(
    device: Device,
    rules: Sequence[Rule],
    now: datetime,
    term: tuple[datetime, datetime] | None,
    gettext: Gettext,
) -> list[Measured]:
    """Return the figures of a terminal beside the strictest limits; ``term`` is that of the certificate issued last."""
    health = device.health
    total = health.disk_total_mb if health else None
    begun, ends = term or ((health.certificate_from, health.certificate_until) if health else (None, None))
    told = alarm_rules.Told(
        queue_age_s=health.oldest_queued_s if health else None,
        certificate_from=begun,
        certificate_until=ends,
        clock_offset_ms=device.clock_offset_ms,
        disk_free_percent=100 * health.disk_free_mb / total
        if health and health.disk_free_mb is not None and total
        else None,
        temperature_c=health.temperature_c if health else None,
        storage_errors=health.storage_errors if health else None,
    )
    found = []
    for figure, label in OF_RULE.items():
        below = figure in alarm_rules.BAD_BELOW
        limits = [rule.value for rule in rules if rule.figure == figure and not rule.group]
        limit = (max(limits) if below else min(limits)) if limits else None
        value = alarm_rules.figure(Rule("", "", figure, 0, 0, 0, 0), told, now)
        beyond = value is not None and limit is not None and (value < limit if below else value > limit)
        tone: Tone = "idle" if value is None else "stop" if beyond else "ok"
        found.append(Measured(gettext(label), value, UNITS[figure] and gettext(UNITS[figure]), limit, below, tone))
    return found


def over_hours(points: Sequence[Point], zone: tzinfo, gettext: Gettext) -> list[Markup]:
    """Return a chart with its table for each figure that was told in the time of ``points``."""
    periods = [f"{one.at.astimezone(zone):%H:%M}" for one in points]
    figures: tuple[tuple[str, list[float | None]], ...] = (
        (N_("Messages that wait"), [one.queue_length for one in points]),
        (
            N_("Seconds that its clock is off"),
            [None if one.clock_offset_ms is None else abs(one.clock_offset_ms) / 1000 for one in points],
        ),
        (N_("Temperature, °C"), [one.temperature_c for one in points]),
        (N_("Disk free, %"), [one.disk_free_percent for one in points]),
    )
    return [
        over_time(
            periods,
            [Line(gettext(title), values, "line-0")],
            None,
            title=gettext(title),
            description=gettext("every quarter of an hour"),
            table=gettext(title),
            column=gettext("Time"),
        )
        for title, values in figures
        if any(value is not None for value in values)
    ]


def rings(shares: Mapping[str, Mapping[str, int]], *, title: str, names: Sequence[str], others: str) -> Markup:
    """Return concentric rings, the first innermost, each parted by the shares of ``names``, with a legend.

    ``shares`` are counts by ring and name; names beyond :data:`SHARES_MOST` are drawn as ``others``.
    """
    shown = list(names[: SHARES_MOST - 1]) if len(names) > SHARES_MOST else list(names)
    drawn = []
    words = []
    for order, (ring, counts) in enumerate(shares.items()):
        total = sum(counts.values())
        radius = 16 + 13 * order
        drawn.append(Markup('<circle class="ring-rest" cx="60" cy="60" r="{}"/>').format(radius))
        at = 0.0
        parts = [(name, counts.get(name, 0)) for name in shown]
        parts.append((others, total - sum(count for _, count in parts)))
        for place, (_, count) in enumerate(parts):
            if not count:
                continue
            share = 100 * count / total
            drawn.append(
                Markup(
                    '<circle class="share share-{}" cx="60" cy="60" r="{}" pathLength="100"'
                    ' stroke-dasharray="{:.3f} 100" stroke-dashoffset="{:.3f}" transform="rotate(-90 60 60)"/>'
                ).format(min(place, SHARES_MOST - 1), radius, share, -at)
            )
            at += share
        words.append(f"{ring}: " + ", ".join(f"{name} {count}" for name, count in parts if count))
    named = [*shown, *([others] if len(names) > len(shown) else [])]
    legend = Markup().join(
        Markup(
            '<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><circle class="share-dot share-{}" cx="5"'
            ' cy="5" r="5"/></svg><span>{}</span></li>'
        ).format(place, name)
        for place, name in enumerate(named)
    )
    return Markup(
        '<figure class="chart shares"><svg viewBox="0 0 120 120" role="img" aria-label="{}">{}</svg>'
        '<ul class="legend">{}</ul></figure>'
    ).format(f"{title}. {'; '.join(words)}", Markup().join(drawn), legend)


def share_table(shares: Mapping[str, Mapping[str, int]], names: Sequence[str], *, title: str, column: str) -> Markup:
    """Return the table of :func:`rings`: a row for each name, a column for each ring."""
    rows = [[name, *(charts.plain(counts.get(name, 0)) for counts in shares.values())] for name in names]
    return charts.data_table(title, [column, *shares], rows)
