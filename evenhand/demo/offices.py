"""What the distributor's other offices have on their desks: own stock that came in and was counted, licence files.

All of it is asked for by the interface or by the console's forms, as the people of these offices do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from contract.ids import uuid7
from firmware_sim.stage import Person, StageError

STOCK_PERCENT = 150
"""How much came in, of what the first cycle shares out."""
LOST_PERCENT = 20
"""How much less than the book says a first count finds: so much that a second person confirms it."""
FILES = "/console/licences/files"
APPLIED = "新增经营范围，资料齐全。 A wider range of goods; the papers are complete."
INSPECTED = "经营场所与申请一致，距学校 210 米。 The premises are as applied for; 210 m from the school."
RENEWED = "许可证即将到期，申请延续。 The licence runs out soon; asked to be renewed."


def stock(planner: Person, supply: Iterable[Mapping[str, Any]]) -> int:
    """Let the goods of a cycle come in, and more; one count differs so much that it waits. Return the SKUs."""
    lines = list(supply)
    for line in lines:
        units = max(1, int(line["supply_units"]) * STOCK_PERCENT // 100)
        came = {"id": str(uuid7()), "sku": line["sku"], "units": units, "reason": "purchase order 1107"}
        planner.http.post("/api/v1/depot/receipts", json=came).raise_for_status()
    first = lines[0]
    there = int(first["supply_units"]) * STOCK_PERCENT // 100
    counted = {
        "id": str(uuid7()),
        "sku": first["sku"],
        "counted_units": there * (100 - LOST_PERCENT) // 100,
        "reason": "a pallet is missing",
    }
    planner.post("/api/v1/depot/counts", counted)
    return len(lines)


def licensing(planner: Person, inspector: Person) -> tuple[int, int]:
    """Open the file of an application, inspected, and of a renewal; return their numbers.

    Raises
    ------
    StageError
        Where every shop holds every class, or no licence runs out before the others.
    """
    held = planner.get("/api/v1/licences", limit=1000)["licences"]
    classes = sorted({one["licence_class"] for one in held})
    by_shop: dict[str, set[str]] = {}
    for one in held:
        by_shop.setdefault(one["retailer"], set()).add(one["licence_class"])
    lacking = next(
        ((shop, name) for shop, mine in sorted(by_shop.items()) for name in classes if name not in mine), None
    )
    ending = min(held, key=lambda one: (one["valid_until"], one["retailer"]), default=None)
    if lacking is None or ending is None:
        raise StageError("no shop has anything to apply for")
    applied = _enter(inspector, matter="application", retailer=lacking[0], licence_class=lacking[1], words=APPLIED)
    inspector.fill(f"{FILES}/{applied}/inspect", {"words": INSPECTED})
    renewed = _enter(
        inspector,
        matter="renewal",
        retailer=ending["retailer"],
        licence_class=ending["licence_class"],
        licence_number=ending["number"],
        words=RENEWED,
    )
    return applied, renewed


def _enter(inspector: Person, **fields: str) -> int:
    return int(inspector.fill(f"{FILES}/new", {"document": "2026-118", **fields}).rpartition("/")[2])
