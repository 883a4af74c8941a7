"""Who goes to which shop: rules of visits, a plan of a week made by them, and one visit that is kept.

Rules and plans are asked for on the console's forms, as a person does; what was kept is sent as the page on a
telephone sends it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from contract.ids import uuid7
from evenhand.demo.waiting import computed
from firmware_sim.stage import Person, StageError

VISITS = "/console/visits"
DAYS = 7
LARGE_TIERS = " ".join(map(str, range(1, 16)))
"""The better half."""
LARGE: dict[str, Any] = {
    "key": "class-a",
    "name": "大户每周走访 · Large shops each week",
    "sort": "visit",
    "when": "interval",
    "days": DAYS,
    "shops": 0,
    "who": "manager",
    "minutes": 20,
    "tiers": LARGE_TIERS,
    "markets": "",
    "regions": "",
    "questions": "许可证是否亮证经营？ Is the licence on the wall?\n终端是否正常？ Does the terminal work?",
    "reason": "the large shops first",
}
"""The usual rule of class A, taken farther: a small town has hardly a shop in the best tier."""
TERMS: dict[str, Any] = {
    "days": DAYS,
    "stops_a_day": 8,
    "minutes_a_day": 480,
    "speed_kmh": 25,
    "route": "",
    "weekends": "no",
}
KEPT_WORDS = "卖得快的货缺货，已记下补货。 What sells best is out of stock; noted."
PROMISED = "带一份新的价签。 Bring a new set of price labels."
CALL_WORDS = "店主在进货，改日再打。 The owner was out buying; call again."


def rule(planner: Person) -> None:
    """Write the usual rules, and let the one of weekly visits take in all large shops."""
    planner.fill(f"{VISITS}/rules/usual", {})
    planner.fill(f"{VISITS}/rules/edit", LARGE | {"seen": planner.get("/api/v1/visits/rules")["version"]})


def ask(planner: Person, managers: Sequence[str], first_day: date) -> str:
    """Ask for a plan of a week from ``first_day``, in the distributor's zone; return its id."""
    asked = TERMS | {"first_day": first_day.isoformat(), "manager": list(managers)}
    return planner.fill(f"{VISITS}/plans", asked).rpartition("/")[2]


def made(planner: Person, plan: str) -> dict[str, Any]:
    """Return a plan with its stops, once it is made.

    Raises
    ------
    StageError
        Where it failed, or is not made in time.
    """
    found = computed("visit plan", lambda: planner.get(f"/api/v1/visits/plans/{plan}"))
    if found["state"] != "made" or not any(stop["day"] for stop in found["stops"]):
        raise StageError(f"the visit plan is {found['state']} with {len(found['stops'])} stops")
    return found


def keep(manager: Person, plan: dict[str, Any], now: datetime) -> tuple[int, int]:
    """Keep the manager's first visit of a plan, with a promise, and a call that is to be tried again.

    Return the numbers of both.
    """
    stops = [stop for stop in plan["stops"] if stop["manager"] == manager.name]
    first, second = stops[0], stops[1 % len(stops)]
    visit = {
        "id": str(uuid7()),
        "retailer": first["retailer"],
        "sort": "visit",
        "rule": first["rule"],
        "stop": first["id"],
        "at": now.isoformat(),
        "place_said": "refused",
        "answers": [
            {"question": line, "answer": said}
            for line, said in zip(LARGE["questions"].split("\n"), ("yes", "no"), strict=True)
        ],
        "words": KEPT_WORDS,
        "outcome": "done",
        "promises": [{"words": PROMISED, "due_on": (now + timedelta(days=2)).date().isoformat()}],
    }
    call = {
        "id": str(uuid7()),
        "retailer": second["retailer"],
        "sort": "call",
        "at": now.isoformat(),
        "words": CALL_WORDS,
        "outcome": "try_again",
        "try_again_on": (now + timedelta(days=1)).date().isoformat(),
    }
    first_kept, second_kept = (manager.post("/api/v1/visits", one)["number"] for one in (visit, call))
    return first_kept, second_kept
