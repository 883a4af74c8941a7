"""How the machine is: disk, temperature, network, system; each told where it can be read, else left out."""

import platform
import shutil
from pathlib import Path
from typing import Final

from contract.messages import NetworkKind
from terminal_client.core.ports import Vitals

MB: Final = 1_000_000
SYSTEM_MOST: Final = 64
ROUTES: Final = Path("/proc/net/route")
INTERFACES: Final = Path("/sys/class/net")
THERMAL: Final = Path("/sys/class/thermal")
OS_RELEASE: Final = Path("/etc/os-release")
_CELLULAR: Final = ("wwan", "ppp", "usb", "rmnet")


def read_vitals(data_dir: Path) -> Vitals:
    """Return how the machine is that holds ``data_dir``; never raises."""
    free, total = _disk(data_dir)
    return Vitals(
        disk_free_mb=free,
        disk_total_mb=total,
        temperature_c=temperature(),
        network=network(),
        system=system_name(),
    )


def temperature(thermal: Path = THERMAL) -> float | None:
    """Return the temperature of the hottest zone that Linux tells of, in degrees Celsius."""
    told = []
    for zone in sorted(thermal.glob("thermal_zone*/temp")):
        try:
            told.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max((round(one, 1) for one in told if -100 < one < 300), default=None)  # noqa: PLR2004 - what a sensor can mean


def network(routes: Path = ROUTES, interfaces: Path = INTERFACES) -> NetworkKind | None:
    """Return what the default route of IPv4 goes over; none where there is no such route."""
    try:
        rows = [line.split() for line in routes.read_text().splitlines()[1:]]
    except OSError:
        return None
    names = [row[0] for row in rows if len(row) > 2 and row[1] == "00000000"]  # noqa: PLR2004 - interface, destination, gateway
    if not names:
        return None
    name = names[0]
    if (interfaces / name / "wireless").exists() or (interfaces / name / "phy80211").exists():
        return "wifi"
    if name.startswith(_CELLULAR):
        return "cellular"
    return "ethernet" if (interfaces / name / "device").exists() else "other"


def system_name(release: Path = OS_RELEASE) -> str | None:
    """Return what the operating system calls itself."""
    try:
        lines = release.read_text().splitlines()
    except OSError:
        return platform.system()[:SYSTEM_MOST] or None
    named = next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "")
    return named[:SYSTEM_MOST] or None


def _disk(folder: Path) -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free // MB, usage.total // MB
