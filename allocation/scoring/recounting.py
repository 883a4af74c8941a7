"""Scores counted once more, by whoever doubts them: row by row, in fractions, sharing no rule with what computed them.

Ranks are counted by looking through sorted lists, tiers are walked step by step, the ceiling of the guards is divided
out. Slower than what is checked by it, and short enough to be read.
"""

import csv
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

WHOLE_AND_PART: Final = {
    "assortment": ("assortment.csv", "skus_offered", "skus_sold"),
    "turnover": ("history.csv", "stock", "sold"),
    "payment": ("payments.csv", "due_minor", "paid_minor"),
    "acceptance": ("deliveries.csv", "deliveries", "accepted"),
    "compliance": ("inspections.csv", "inspections", "passed"),
    "service": ("service.csv", "points_possible", "points"),
}
COMPONENTS: Final = ("demand", "trend", "assortment", "turnover", "payment", "acceptance", "compliance", "service")

Row = Mapping[str, str]
Quotient = tuple[Fraction, int]
"""A raw value and the number of periods that it rests on."""


@dataclass(frozen=True)
class Given:
    """The input as the checker reads it: who is open on the day, their figures, who decided what."""

    certificate: Mapping[str, Any]
    day: date
    outlets: Mapping[str, Row]
    not_open: list[str]
    rows: Mapping[str, Sequence[Row]]
    decisions: Sequence[Row]

    @classmethod
    def read(cls, folder: Path, published: Path) -> "Given":
        """Read both folders."""
        certificate = json.loads((published / "certificate.json").read_bytes())
        day = date.fromisoformat(certificate["as_of"])
        everybody = sorted(rows_of(folder / "retailers.csv"), key=lambda row: row["retailer"])
        is_open = {row["retailer"]: _is_open(row, day) for row in everybody}
        start = day - timedelta(certificate["policy"]["window_days"])
        files = ("history.csv", *(name for name, _, _ in WHOLE_AND_PART.values()))
        rows = {
            name: [
                row
                for row in (rows_of(folder / name) if (folder / name).is_file() else ())
                if is_open[row["retailer"]] and start <= date.fromisoformat(row["period"]) < day
            ]
            for name in dict.fromkeys(files)
        }
        decided = rows_of(folder / "decisions.csv") if (folder / "decisions.csv").is_file() else ()
        holding = [
            row
            for row in decided
            if is_open[row["retailer"]] and date.fromisoformat(row["from"]) <= day < date.fromisoformat(row["until"])
        ]
        outlets = {row["retailer"]: row for row in everybody if is_open[row["retailer"]]}
        return cls(certificate, day, outlets, [name for name, here in is_open.items() if not here], rows, holding)


def _is_open(row: Row, day: date) -> bool:
    opened, closed = row.get("opened"), row.get("closed")
    return not (opened and date.fromisoformat(opened) > day) and not (closed and date.fromisoformat(closed) <= day)


def input_sha256(folder: Path) -> str:
    """Return the hash of all figures, whatever the day: one line a table, of compact JSON with an array a column."""
    outlets = sorted(rows_of(folder / "retailers.csv"), key=lambda row: row["retailer"])
    columns: dict[str, list[Any]] = {
        name: [row.get(name) or "" for row in outlets] for name in ("retailer", "market_type", "format")
    }
    columns |= {name: [_day(row.get(name)) for row in outlets] for name in ("opened", "closed")}
    columns["tier"] = [int(cell) if (cell := row.get("tier")) else None for row in outlets]
    lines: list[tuple[str, dict[str, list[Any]]]] = [("retailers", columns)]
    place = {row["retailer"]: number for number, row in enumerate(outlets)}
    files = {"history.csv", *(name for name, _, _ in WHOLE_AND_PART.values())}
    for path in sorted(folder / name for name in files if (folder / name).is_file()):
        rows = sorted(rows_of(path), key=lambda row: (place[row["retailer"]], row["period"]))
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading = sorted(set(next(csv.reader(file))) - {"retailer", "period"})
        keys: dict[str, list[Any]] = {
            "retailer": [place[row["retailer"]] for row in rows],
            "period": [_day(row["period"]) for row in rows],
        }
        lines.append((path.stem, keys | {name: [_number(name, row[name]) for row in rows] for name in heading}))
    digest = hashlib.sha256()
    for name, cells in lines:
        digest.update((json.dumps([name, cells], ensure_ascii=False, separators=(",", ":")) + "\n").encode())
    return digest.hexdigest()


def _day(text: str | None) -> int | None:
    return date.fromisoformat(text).toordinal() if text else None


def _number(column: str, cell: str) -> int | None:
    """Return a figure; demand and in_stock in thousandths."""
    if not cell:
        return None
    whole, _, decimals = cell.partition(".")
    return int(whole) * 1000 + int(decimals.ljust(3, "0")) if column in ("demand", "in_stock") else int(cell)


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file as texts by column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, strict=True)


def raw_values(component: str, given: Given) -> dict[str, Quotient | None]:
    """Return the raw value of each retailer, None where nothing is known."""
    if component in ("demand", "trend"):
        return _of_demand(component, given)
    name, whole, part = WHOLE_AND_PART[component]
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in given.rows[name]:
        if row.get(whole) and int(row[whole]) > 0:
            of_one = sums[row["retailer"]]
            of_one[0], of_one[1], of_one[2] = of_one[0] + int(row[part]), of_one[1] + int(row[whole]), of_one[2] + 1
    return {who: (Fraction(max(s[0], 0), s[1]), s[2]) if (s := sums.get(who)) else None for who in given.outlets}


def _of_demand(component: str, given: Given) -> dict[str, Quotient | None]:
    """Demand as it was given, else as it was sold; in thousandths while it is added up."""
    by_retailer: defaultdict[str, list[tuple[date, int]]] = defaultdict(list)
    for row in given.rows["history.csv"]:
        if cell := row.get("demand", row.get("sold")):
            whole, _, decimals = cell.partition(".")
            units = int(whole) * 1000 + int(decimals.ljust(3, "0"))
            by_retailer[row["retailer"]].append((date.fromisoformat(row["period"]), units))
    if component == "demand":
        return {who: _mean(units for _, units in by_retailer[who]) for who in given.outlets}
    days = timedelta(given.certificate["policy"]["trend_days"])
    middle, first = given.day - days, given.day - 2 * days
    found: dict[str, Quotient | None] = {}
    for who in given.outlets:
        late = _mean(units for day, units in by_retailer[who] if day >= middle)
        early = _mean(units for day, units in by_retailer[who] if first <= day < middle)
        found[who] = None
        if late and early:
            both = late[0] + early[0]
            found[who] = (late[0] / both if both else Fraction(1, 2), late[1] + early[1])
    return found


def _mean(thousandths: Iterable[int]) -> Quotient | None:
    listed = list(thousandths)
    return (Fraction(max(sum(listed), 0), 1000 * len(listed)), len(listed)) if listed else None


def mid_ranks(
    values: Mapping[str, Fraction], outlets: Mapping[str, Row], peers_min: int
) -> dict[str, tuple[str, int, Fraction]]:
    """Return with whom each is compared, with how many, and its mid-rank among them."""
    groups: defaultdict[tuple[str, ...], list[Fraction]] = defaultdict(list)
    for who, value in values.items():
        for key in _groups(outlets[who]):
            groups[key].append(value)
    for some in groups.values():
        some.sort()
    found = {}
    for who, value in values.items():
        key = next((key for key in _groups(outlets[who]) if len(groups[key]) >= peers_min), ("all",))
        some = groups[key]
        found[who] = (key[0], len(some), _mid_rank(value, some))
    return found


def _mid_rank(value: Fraction, some: Sequence[Fraction]) -> Fraction:
    return Fraction(bisect_left(some, value) + bisect_right(some, value), 2 * len(some))


def _groups(outlet: Row) -> tuple[tuple[str, ...], ...]:
    market, kind = outlet.get("market_type", ""), outlet.get("format", "")
    return ("format", market, kind), ("market_type", market), ("all",)


def places_of(
    total: Mapping[str, int], ranked: Mapping[str, tuple[str, int, Fraction]], outlets: Mapping[str, Row]
) -> dict[str, int]:
    """Return how many of those that each is compared with score higher, and one."""
    groups: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for who in outlets:
        for key in _groups(outlets[who]):
            groups[key].append(total[who])
    for some in groups.values():
        some.sort()
    own = {who: next(key for key in _groups(outlets[who]) if key[0] == ranked[who][0]) for who in outlets}
    return {who: len(groups[own[who]]) - bisect_right(groups[own[who]], total[who]) + 1 for who in outlets}


def earned_tier(milli: int, previous: int, policy: Mapping[str, Any]) -> int:
    """Return the earned tier, step by step: the bound must be passed by the margin for every tier on the way."""
    bounds, margin, moves = policy["bounds_points"], 1000 * policy["margin_points"], policy["tier_moves_max"]
    if not previous:
        return next((tier for tier, bound in enumerate(bounds, 1) if milli >= 1000 * bound), len(bounds) + 1)
    tier = previous
    while tier > 1 and previous - tier < moves and milli - margin >= 1000 * bounds[tier - 2]:
        tier -= 1
    while tier <= len(bounds) and tier - previous < moves and milli + margin < 1000 * bounds[tier - 1]:
        tier += 1
    return tier


def guarded_weights(
    policy: Mapping[str, Any],
    tier: Mapping[str, int],
    earned: Mapping[str, int],
    suspended: set[str],
    demand: Mapping[str, Quotient | None],
) -> tuple[dict[str, int], list[tuple[str, str, int, int]]]:
    """Return the weights after floor and ceiling, and what each of the two changed."""
    guards = policy["guards"]
    weight = {who: 0 if who in suspended else policy["tier_weights"][one - 1] for who, one in tier.items()}
    active = sorted(weight[who] for who in weight if who not in suspended)
    small_part = Fraction(guards["small_part_percent"], 100)
    floor = 0
    if active and small_part:
        floor = -(-guards["small_floor_percent"] * active[(len(active) - 1) // 2] // 100)
    known = sorted(one[0] for one in demand.values() if one)
    raised = dict(weight)
    for who, one in weight.items():
        value = demand.get(who)
        low = value is None or _mid_rank(value[0], known) <= small_part
        if known and small_part and low and who not in suspended and tier[who] == earned[who]:
            raised[who] = max(one, floor)
    top = _ceiling([raised[who] for who in raised if who not in suspended], guards["largest_share_permille"])
    final = {who: min(one, top) if top is not None else one for who, one in raised.items()}
    changes = [
        (who, guard, one[who], other[who])
        for guard, one, other in (("small_floor", weight, raised), ("largest_share", raised, final))
        for who in weight
        if one[who] != other[who]
    ]
    return final, changes


def _ceiling(weights: Sequence[int], permille: int) -> int | None:
    """Return the highest weight with which the ceiling holds, None where it does as it is.

    Between two neighbouring weights both sums are linear in it, so that the highest whole number can be divided out.
    """
    falling = sorted(weights, reverse=True)
    allowed = Fraction(permille, 1000)

    def room(highest: int) -> Fraction:
        cut = [min(one, highest) for one in falling]
        whole, part = divmod(len(cut), 100)
        return allowed * sum(cut) - sum(cut[:whole]) - (Fraction(part, 100) * cut[whole] if part else 0)

    if not falling or room(falling[0]) >= 0:
        return None
    above, below = falling[0], falling[-1]
    for one in sorted(set(falling), reverse=True):
        if room(one) >= 0:
            below = one
            break
        above = one
    start, step = room(below), room(below) - room(below + 1)
    return below if above - below <= 1 else below + min(int(start / step), above - 1 - below)
