"""What the distributor says of a release of the terminal's software, signed for as TUF's custom metadata.

The archive of version 1.2.3 for a platform is the target ``terminal-1.2.3-PLATFORM.tar.gz``. Over HTTP a terminal reads
``GET /device/v1/updates/metadata/{name}`` (the files of The Update Framework, consistent snapshots) and ``GET
/device/v1/updates/targets/{sha256}.{target}`` by ranges of at most :data:`RANGE_MOST_BYTES`. Both are authenticated as
everything of a device is, and trusted for nothing: what counts are the signatures.
"""

import re
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from contract.feed import Text
from contract.messages import Message

RANGE_MOST_BYTES = 1024 * 1024
METADATA_MOST_BYTES = 1024 * 1024
ARCHIVE_MOST_BYTES = 256 * 1024 * 1024
VERSION = r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}"
PLATFORM = r"[a-z0-9_]{1,40}"
#: A release of Python source alone, which runs on any machine that has the packages it needs.
ANY_PLATFORM = "any"
TARGET = re.compile(rf"terminal-(?P<version>{VERSION})-(?P<platform>{PLATFORM})\.tar\.gz")

Version = Annotated[str, StringConstraints(pattern=f"^{VERSION}$")]


class Release(Message):
    """One release for one platform. Versions are three numbers, compared as numbers."""

    version: Version
    platform: Annotated[str, StringConstraints(pattern=f"^{PLATFORM}$")] = ANY_PLATFORM
    python: Annotated[str, StringConstraints(pattern=r"^(\d{1,2}\.\d{1,3})?$")] = Field(
        default="", description="the only version of Python that it runs on; any where empty"
    )
    minimum_version: Version = Field(default="0.0.0", description="what must run before it, at least")
    models: tuple[Annotated[str, StringConstraints(max_length=64)], ...] = Field(
        default=(), description="models of terminals that it is meant for; all where empty"
    )
    store_version: Annotated[int, Field(ge=0)] = 0
    store_readable_from: Annotated[int, Field(ge=0)] = Field(
        default=0, description="the oldest program, by the store's version it knows, that reads the store afterwards"
    )
    notes: Text = Text(zh="", en="")
    built_at: AwareDatetime


def order(version: str) -> tuple[int, ...]:
    """Return a version as numbers to compare by; what is no version comes before all others."""
    if not re.fullmatch(VERSION, version):
        return (-1,)
    return tuple(int(part) for part in version.split("."))


def target_name(release: Release) -> str:
    """Return the name of a release's archive."""
    return f"terminal-{release.version}-{release.platform}.tar.gz"
