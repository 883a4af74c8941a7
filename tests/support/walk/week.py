"""A shop in the middle of its week: last week was granted and delivered, this week's window is open."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from till import Till

from contract.book import leaf_bytes
from contract.feed import (
    BookEntry,
    Claim,
    Delivery,
    Grant,
    Grants,
    ShippedLine,
    Stock,
)
from contract.messages import OrderLine
from terminal_client.core import use_cases
from walk.shop import both, enrolled, new, window
from walk.told import known

LAST = {"TEA-250": 60, "RICE-5K": 20, "SOY-500": 48, "OIL-5L": 12, "MILK-1L": 24}
LINES = tuple(OrderLine(sku=sku, quantity_units=units) for sku, units in LAST.items())
#: What an honest draw publishes: a secret, sealed before, and a book of two shops.
SECRET, SIBLING = bytes(range(32)), hashlib.sha256(b"another shop").digest()
ROOT = hashlib.sha256(b"\x01" + SIBLING + hashlib.sha256(b"\x00" + leaf_bytes("R-12", LINES)).digest())
POLICY_SHA256, WEIGHTS_SHA256, SCORES = (
    hashlib.sha256(text).hexdigest() for text in (b"policy", b"weights", b"scores")
)


def week(till: Till) -> None:
    """Last week's order was granted and delivered, this week's window is open, and much is to be read."""
    enrolled(till)
    last = till.make.window(
        till,
        name=both("Week 11", "第 11 周"),
        closes_in=timedelta(minutes=3),
        scarce=("OIL-5L",),
        commitment=hashlib.sha256(SECRET).hexdigest(),
        policy_sha256=POLICY_SHA256,
        score_version=SCORES,
    )
    till.hear()
    till.things["order"] = use_cases.place_order(till.shop, last.window, LINES)
    till.hear()
    till.clock.forward(timedelta(minutes=3))
    till.server.tell(f"window:{last.window}", "window", last.model_copy(update={"state": "published"}))
    till.things["cycle"] = last.cycle
    granted(till, last.cycle)
    delivered(till, last.cycle)
    known(till)
    window(till)


def granted(till: Till, cycle: UUID) -> None:
    """Publish what last week's order got, line by line with other reasons."""
    reasons: dict[str, Any] = {
        "TEA-250": ("filled", 60),
        "RICE-5K": ("credit", 12),
        "SOY-500": ("capped", 36),
        "OIL-5L": ("supply", 4),
        "MILK-1L": ("lottery", 12),
    }
    lines = tuple(
        Grant(
            sku=sku,
            requested_units=LAST[sku],
            eligible_units=LAST[sku],
            granted_units=units,
            weight=14,
            share=f"{units / 14:.12f}",
            reason=reason,
            bound_by=f"{reason}:{sku}",
            supply_units=18_400,
            asked_units=31_250,
            carry_thousandths=333,
            carried_thousandths=-250,
        )
        for sku, (reason, units) in reasons.items()
    )
    told = Grants(
        cycle=cycle,
        name=both("Week 11", "第 11 周"),
        part=1,
        parts=1,
        released_at=till.server.now(),
        policy="fair-share 4",
        seed=hashlib.sha256(SECRET + ROOT.digest()).hexdigest(),
        input_sha256="cd" * 32,
        result_sha256="ef" * 32,
        policy_sha256=POLICY_SHA256,
        weights_sha256=WEIGHTS_SHA256,
        score_version=SCORES,
        lines=lines,
    )
    book = BookEntry(
        cycle=cycle,
        root=ROOT.hexdigest(),
        lines=LINES,
        retailer="R-12",
        path=(("left", SIBLING.hex()),),
        commitment=hashlib.sha256(SECRET).hexdigest(),
        secret=SECRET.hex(),
        weights_sha256=WEIGHTS_SHA256,
        score_version=SCORES,
    )
    till.server.tell(f"grants:{cycle}:1", "grants", told)
    till.server.tell(f"book:{cycle}", "book", book)


def delivered(till: Till, cycle: UUID) -> None:
    """One delivery is to be confirmed; of an older one the claims stand at each of their stations."""
    now = till.server.now()
    shipped = {"TEA-250": 60, "RICE-5K": 12, "SOY-500": 36, "OIL-5L": 4, "MILK-1L": 12}
    lines = tuple(ShippedLine(sku=sku, shipped_units=units, granted_units=units) for sku, units in shipped.items())
    coming = Delivery(delivery=new(till), number=5541, cycle=cycle, state="shipped", shipped_at=now, lines=lines)

    def claim(number: int, sku: str, difference: Any, state: Any, **more: Any) -> Claim:
        at = now - timedelta(days=2)
        return Claim(
            claim=new(till),
            number=number,
            sku=sku,
            difference=difference,
            difference_units=number - 60,
            state=state,
            opened_at=at,
            **more,
        )

    day_ago = now - timedelta(days=1)
    claims = (
        claim(61, "TEA-250", "short", "open"),
        claim(62, "SOY-500", "damaged", "upheld", decided_at=day_ago, decision="破损属实。 Agreed."),
        claim(63, "MILK-1L", "over", "declined", decided_at=day_ago, decision="与装车记录相符。 As loaded."),
        claim(
            64,
            "OIL-5L",
            "wrong_item",
            "settled",
            decided_at=day_ago,
            settled_at=now,
            decision="装错车。 Wrong van.",
            settlement="下次配送补发 4 件。 4 come next time.",
        ),
    )
    done = coming.model_copy(
        update={
            "delivery": new(till),
            "number": 5502,
            "state": "confirmed",
            "shipped_at": now - timedelta(days=7),
            "confirmed_at": now - timedelta(days=6),
            "claims": claims,
        }
    )
    for each in (coming, done):
        till.server.tell(f"delivery:{each.delivery}", "delivery", each)
    till.things |= {"delivery": coming.delivery, "done": done.delivery}
    for sku, units, held in (("TEA-250", 35, 0), ("RICE-5K", 6, 0), ("SOY-500", 0, 2), ("OIL-5L", 1, 0)):
        stock = Stock(sku=sku, on_hand_units=units, held_units=held, as_of=now)
        till.server.tell(f"stock:{sku}", "stock", stock)
