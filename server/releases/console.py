"""The screen of releases: what terminals can fetch, how many run it, until when it is signed for, what is not yet."""

from dataclasses import dataclass

from fastapi import Request, Response

from server.devices import queries as devices
from server.devices.http import KEEPERS
from server.kit import console, http
from server.kit.console.texts import N_
from server.kit.identity import Role
from server.releases import rules
from server.releases.repository import Published, Repository, Standing

READERS: tuple[Role, ...] = (*KEEPERS, "auditor")
releases = http.router("/console/releases", tag="console", roles=READERS)

ROLE_NAMES: dict[rules.Role, str] = {
    "root": N_("Whose keys count"),
    "targets": N_("List of releases"),
    "snapshot": N_("State of the lists"),
    "timestamp": N_("Newest state"),
}
STANDS: dict[rules.Standing, tuple[str, str]] = {
    "holds": ("ok", N_("holds")),
    "ends_soon": ("wait", N_("ends soon")),
    "expired": ("stop", N_("expired")),
}


@dataclass(frozen=True)
class Line:
    """A release and how many terminals run it."""

    published: Published
    running: int


@dataclass(frozen=True)
class Signed:
    """A role and how its signatures stand."""

    role: Standing
    stands: rules.Standing
    by_people: bool

    @property
    def signatures(self) -> int:
        """How many signed."""
        return sum(one.signed for one in self.role.signatures)


@releases.get("")
def show_releases(request: Request, session: http.Db, config: http.Config, clock: http.Now) -> Response:
    """Show what is published and what waits for people."""
    repository, now = Repository(config.data_dir), clock()
    running = devices.by_version(session)
    published = repository.releases()
    signed = [
        Signed(role, rules.standing(role.role, role.expires, now), role.role in rules.PEOPLES)
        for role in repository.standings()
    ]
    known = {one.release.version for one in published}
    return console.page(
        request,
        "releases/list.html",
        lines=[Line(one, running.get(one.release.version, 0)) for one in published],
        others=[(version, count) for version, count in sorted(running.items()) if version not in known],
        signed=signed,
        warned=[one for one in signed if one.stands != "holds"],
        drafts=repository.drafts(),
        names=ROLE_NAMES,
        stands=STANDS,
    )
