"""A running installation with some shops in it, for one file of tests."""

from collections.abc import Callable, Iterator

import child_brokers
import pytest
from running import SHOPS, SKUS, Town, Wire, connect

from firmware_sim.identities import DeviceIdentity
from firmware_sim.stage import installation
from server.kit import broker, embedded


@pytest.fixture(scope="module")
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A running installation with shops and goods, nobody enrolled yet; the parameter is its broker's kind."""
    kind = getattr(request, "param", "mosquitto")
    child_brokers.skip_without(kind)
    data_dir = tmp_path_factory.mktemp("installation")
    try:
        with installation(data_dir, environment=child_brokers.environment(kind)) as stage:
            planner = stage.sign_in("planner", "planner")
            skus = "sku,name_zh,name_en,unit_zh,unit_en,category,pack_units,price_minor\n"
            skus += "".join(f"{sku},商品{sku},Item {sku},条,carton,goods,1,100\n" for sku in SKUS)
            shops = "code,name,city,region,route,market_type,tier,weight\n"
            shops += "".join(f"{shop},Shop {shop},Riverton,city,north,town,3,10\n" for shop in SHOPS)
            for kind, content in (("skus", skus), ("retailers", shops)):
                report = planner.post(f"/api/v1/imports/{kind}", files={"file": ("list.csv", content.encode())})
                assert report["rows_refused"] == 0, report
            yield Town(stage, planner)
    finally:
        if (data_dir / "broker").exists():
            broker.remove_broker(data_dir / "broker")
        if (data_dir / "postgres").exists():
            embedded.remove_cluster(data_dir / "postgres")


@pytest.fixture
def wired() -> Iterator[Callable[..., Wire]]:
    """Connect devices, as :func:`running.connect` does; all are disconnected at the end."""
    opened: list[Wire] = []

    def open_wire(identity: DeviceIdentity, **more: object) -> Wire:
        opened.append(connect(identity, **more))
        return opened[-1]

    yield open_wire
    for wire in opened:
        wire.client.disconnect()
        wire.client.loop_stop()
