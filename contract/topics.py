"""Topics: ``eh/v1/{shard}/{device}/up/{kind}`` and ``.../down/{kind}``.

The shard is the hash of the device id in :data:`SHARDS`; ingest workers lease shards, so that a
device's messages keep their order over any broker. Ingest refuses a shard that is not the hash of the
device: access rules alone would let a terminal publish into any of them.

``eh/v1/{group}/down/news`` is read by every terminal of a group: ``all``, or the shops of one route within a region.
It holds the newest :class:`News` alone, retained: something is in the feed that terminals fetch by themselves.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contract.messages import Message

SHARDS = 64
ROOT = "eh/v1"
_DEVICE = re.compile(r"[a-z0-9-]{1,64}")
_KIND = re.compile(r"[a-z]+(\.[a-z]+)*")
EVERYONE = "all"
"""The group of all terminals."""
_GROUP = re.compile(rf"{EVERYONE}|g-[0-9a-f]{{16}}")


@dataclass(frozen=True)
class Address:
    """Where a message came from: its shard, device and kind, as the topic says them."""

    shard: int
    device: str
    kind: str


class News(Message):
    """``news``: there is something new for a group; ``number`` is another one each time.

    It does not say what. Who hears of a number that it does not know yet pulls its feed at a moment of its own within
    ``spread_ms``, so that the terminals of a network do not all come at once.
    """

    number: Annotated[int, Field(ge=1)]
    spread_ms: Annotated[int, Field(ge=0, le=600_000)] = 0


def group_of(region: str, route: str) -> str:
    """Return the group of the shops on a route within a region; names stand in it as a digest."""
    return "g-" + hashlib.sha256(f"{region}\x1f{route}".encode()).hexdigest()[:16]


def valid_group(text: str) -> bool:
    """Return whether ``text`` is the name of a group."""
    return _GROUP.fullmatch(text) is not None


def news_topic(group: str) -> str:
    """Return the topic on which a group is told that there is something new."""
    return f"{ROOT}/{group}/down/news"


def parse_news(topic: str) -> str | None:
    """Return the group whose news a topic holds; none where it is another topic."""
    parts = topic.removeprefix(f"{ROOT}/").split("/")
    return parts[0] if parts[1:] == ["down", "news"] and valid_group(parts[0]) else None


def valid_device_id(text: str) -> bool:
    """Return whether ``text`` is 1 to 64 of ``a-z``, ``0-9`` and ``-``."""
    return _DEVICE.fullmatch(text) is not None


def shard_of(device: str) -> int:
    """Return the device's shard: the first four bytes of SHA-256 of its id, modulo :data:`SHARDS`."""
    return int.from_bytes(hashlib.sha256(device.encode()).digest()[:4], "big") % SHARDS


def up_topic(device: str, kind: str) -> str:
    """Return the topic on which ``device`` publishes messages of ``kind``."""
    return f"{ROOT}/{shard_of(device)}/{device}/up/{kind}"


def down_topic(device: str, kind: str) -> str:
    """Return the topic on which the server sends messages of ``kind`` to ``device``."""
    return f"{ROOT}/{shard_of(device)}/{device}/down/{kind}"


def down_filter(device: str) -> str:
    """Return the subscription filter for everything sent to ``device``."""
    return f"{ROOT}/{shard_of(device)}/{device}/down/#"


def shard_filter(shard: int) -> str:
    """Return the subscription filter for everything that devices of ``shard`` send."""
    return f"{ROOT}/{shard}/+/up/#"


def parse_up(topic: str) -> Address:
    """Return the address in an upward topic.

    Raises
    ------
    ValueError
        Where the topic has another form, or its shard is not the hash of its device.
    """
    parts = topic.split("/")
    if len(parts) != 6 or parts[:2] != ROOT.split("/") or parts[4] != "up":  # noqa: PLR2004 - six levels, see above
        raise ValueError(f"not an upward topic: {topic!r}")
    shard, device, kind = parts[2], parts[3], parts[5]
    if not valid_device_id(device) or _KIND.fullmatch(kind) is None:
        raise ValueError(f"no device or kind in topic {topic!r}")
    if shard != str(shard_of(device)):
        raise ValueError(f"shard {shard} is not the shard of device {device}")
    return Address(int(shard), device, kind)
