"""A street of shops in a time of their own, each on a route of its own, so that a story's window opens for it alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from people import code_for
from shop_machine import ShopMachine, shop_machine
from town_time import TownTime, timed_installation

from firmware_sim.stage import Person, Stage
from server.kit.runtime import running

SHOPS = tuple(f"{number:05}" for number in range(1, 9))
GOLD, BLUE = "S1", "S2"
GOLD_PACK, BLUE_PACK = 10, 5
GOLD_CODE, BLUE_CODE = "6901234567892", "4006381333931"
NAMES = {"zh": {GOLD: "云岭（硬金）", BLUE: "滇池（软蓝）"}, "en": {GOLD: "Yunling Gold", BLUE: "Lakeside Blue"}}
SKUS = f"""sku,name_zh,name_en,unit_zh,unit_en,category,pack_units,price_minor,licence_class,barcodes
{GOLD},{NAMES["zh"][GOLD]},{NAMES["en"][GOLD]},条,carton,cigarettes,{GOLD_PACK},23000,general,{GOLD_CODE}
{BLUE},{NAMES["zh"][BLUE]},{NAMES["en"][BLUE]},条,carton,cigarettes,{BLUE_PACK},10500,general,{BLUE_CODE}
"""
RETAILERS = "code,name,city,region,route,market_type,tier,weight,credit_minor\n" + "".join(
    f"{shop},{int(shop)} Harbour Road,Riverton,riverside,route-{shop},town,6,10,90000000\n" for shop in SHOPS
)
LICENCES = "retailer,licence_class,number,valid_from,valid_until\n" + "".join(
    f"{shop},general,G-{shop},2020-01-01,2099-12-31\n" for shop in SHOPS
)
#: Also the broker's name for the terminals, so that a line can lie between.
FAR = "127.0.0.2"


@dataclass
class Street:
    """The running installation, its planner, and the shops that no story has taken yet."""

    stage: Stage
    time: TownTime
    planner: Person
    folder: Path
    _free: list[str] = field(default_factory=lambda: list(reversed(SHOPS)))

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of the server and, for terminals, of its broker on 127.0.0.1."""
        return urlsplit(self.stage.url).port or 0, int(running(self.stage.settings)["broker_public_port"])

    def take_shop(self) -> str:
        """Return a shop that has neither terminal nor history."""
        return self._free.pop()

    def code_for(self, shop: str) -> str:
        return code_for(self.planner, shop)

    @contextmanager
    def machine(self, shop: str, *, host: str = "127.0.0.1") -> Iterator[ShopMachine]:
        """Switch on a new terminal for ``shop``, which reaches the server at ``host``."""
        url = f"http://{host}:{self.ports[0]}"
        with shop_machine(self.folder / shop, url, self.time.environment) as made:
            yield made

    def window_for(self, shop: str, name: str, *, lasts: timedelta) -> tuple[str, datetime]:
        """Announce a cycle for one shop alone and let its window open; return its id and when it closes."""
        week = {"name_zh": name, "name_en": name, "week": self.time.now().date().isoformat(), "grace_s": 1}
        cycle = str(self.planner.post("/api/v1/cycles", week)["id"])
        place = f"/api/v1/cycles/{cycle}"
        lines = [{"sku": sku, "supply_units": 500} for sku in (GOLD, BLUE)]
        self.planner.post(f"{place}/supply", {"reason": "first release", "lines": lines})
        opens = self.time.now() + timedelta(minutes=1)
        closes = opens + lasts
        span = {"opens_at": opens.isoformat(), "closes_at": closes.isoformat()}
        self.planner.post(f"{place}/windows", {"route": f"route-{shop}", **span})
        self.planner.post(f"{place}/announce")
        self.time.until(opens + timedelta(seconds=5))  # every process counts by its own estimate of the server's time
        return cycle, closes

    def orders(self, cycle: str) -> list[dict[str, Any]]:
        """Return what the server holds of a cycle: each order with its revision and its units by SKU."""
        found = self.planner.get("/api/v1/orders", cycle=cycle, limit=1000)
        whole = [self.planner.get(f"/api/v1/orders/{each['retailer']}/{each['id']}") for each in found]
        return [
            {"number": each["number"], "revision": each["revision"], "state": each["state"]}
            | {"units": {line["sku"]: line["quantity_units"] for line in each["lines"]}}
            for each in whole
        ]


@contextmanager
def street(folder: Path, **environment: str) -> Iterator[Street]:
    """Run a street below ``folder``."""
    with timed_installation(folder, **environment) as (stage, time):
        planner = stage.sign_in("planner", "planner")
        for kind, rows in (("skus", SKUS), ("retailers", RETAILERS), ("licences", LICENCES)):
            report = planner.post(f"/api/v1/imports/{kind}", files={"file": (f"{kind}.csv", rows.encode(), "text/csv")})
            assert report["rows_refused"] == 0, report
        yield Street(stage, time, planner, folder / "shops")
