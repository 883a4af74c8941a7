"""What a terminal tells of its machine: what can be read, and nothing made up."""

from pathlib import Path

import pytest

from terminal_client.adapters import vitals

HEAD = "Iface\tDestination\tGateway\tFlags\n"


def test_the_hottest_zone_is_told_and_what_no_sensor_means_is_not(tmp_path: Path) -> None:
    assert vitals.temperature(tmp_path) is None
    for number, said in enumerate(("48250", "61500", "-274000", "broken")):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(said)
    assert vitals.temperature(tmp_path) == 61.5


@pytest.mark.parametrize(
    ("name", "part", "kind"),
    [
        ("wlan0", "wireless", "wifi"),
        ("eth0", "device", "ethernet"),
        ("wwan0", "device", "cellular"),
        ("tap0", "", "other"),
    ],
)
def test_the_network_is_what_the_default_route_goes_over(tmp_path: Path, name: str, part: str, kind: str) -> None:
    routes = tmp_path / "route"
    routes.write_text(f"{HEAD}br0\t0000A8C0\t00000000\t0001\n{name}\t00000000\t0100A8C0\t0003\n")
    (tmp_path / name / part).mkdir(parents=True)
    assert vitals.network(routes, tmp_path) == kind
    routes.write_text(HEAD)
    assert vitals.network(routes, tmp_path) is None
    assert vitals.network(tmp_path / "none", tmp_path) is None


def test_a_machine_that_tells_nothing_leaves_everything_out(tmp_path: Path) -> None:
    told = vitals.read_vitals(tmp_path / "gone")
    assert (told.disk_free_mb, told.disk_total_mb, told.printer) == (None, None, None)
    here = vitals.read_vitals(tmp_path)
    assert here.disk_total_mb is not None
    assert 0 <= (here.disk_free_mb or 0) <= here.disk_total_mb
    (tmp_path / "release").write_text('ID=debian\nPRETTY_NAME="Debian 13"\n')
    assert vitals.system_name(tmp_path / "release") == "Debian 13"
