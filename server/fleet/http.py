"""``/api/v1/fleet``: terminals with how they are, groups, alerts; for programs."""

from typing import Annotated

from fastapi import Depends, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from contract.errors import Rejected
from server.devices.http import KEEPERS
from server.fleet import alerts, groups, members, queries
from server.kit import http, paging
from server.kit.identity import Role

ROLES: tuple[Role, ...] = (*KEEPERS, "regional", "manager", "auditor")
CARING = [Depends(http.needs(*KEEPERS, "regional"))]
Number = Annotated[int, Path(ge=1, lt=2**63)]
Name = Annotated[str, StringConstraints(max_length=200)]

fleet = http.router("/api/v1/fleet", tag="fleet", roles=ROLES, shops="all")
keeping = http.router("/api/v1/fleet", tag="fleet", roles=KEEPERS)


class GroupWanted(BaseModel):
    """A group: ``rule`` in words for a query, ``named`` terminals or shops for a list; ``revision`` that was seen."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: groups.Kind
    rule: Annotated[str, StringConstraints(max_length=4_000)] = ""
    named: list[Name] = []
    about: Annotated[str, StringConstraints(max_length=400)] = ""
    revision: int | None = None


class Said(BaseModel):
    """A note to an alert; with ``silent_until`` it is silenced until then."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[str, StringConstraints(max_length=4 * alerts.WORDS_MOST)]
    silent_until: AwareDatetime | None = None


@fleet.get("/groups")
def list_groups(session: http.Db, clock: http.Now) -> list[groups.Group]:
    """Return all groups with how many terminals each has."""
    return groups.counted(session, at=clock())


@fleet.get("/groups/{name}/terminals")
def list_members(name: str, session: http.Db, clock: http.Now, page: paging.Paged) -> list[str]:
    """Return the ids of a group's terminals, in their order."""
    found = queries.members_after(
        session, members.devices_in_group(session, name, at=clock()), after=page.key(str), limit=page.one_more
    )
    return page.rows(found, lambda device: (device,))


@keeping.post("/groups")
def write_group(wanted: GroupWanted, session: http.Db, operator: http.Person, clock: http.Now) -> groups.Group:
    """Make a group, or write one anew."""
    asked = groups.Wanted(wanted.name, wanted.kind, wanted.rule, wanted.named, wanted.about)
    return groups.write_group(session, asked, operator, at=clock(), seen=wanted.revision)


@fleet.get("/alerts")
def list_alerts(
    session: http.Db, clock: http.Now, page: paging.Paged, shown: alerts.Shown = "open"
) -> list[alerts.Alert]:
    """Return alerts, the newest first."""
    found = alerts.before(session, at=clock(), shown=shown, number=page.key(int), limit=page.one_more)
    return page.rows(found, lambda one: (one.number,))


@fleet.post("/alerts/{number}/acknowledge", status_code=204, dependencies=CARING)
def acknowledge(number: Number, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Say that one looks after an alert."""
    if alerts.alert(session, number) is None:
        raise Rejected("not_found", what="alert", name=str(number))
    alerts.acknowledge(session, [number], operator, at=clock())


@fleet.post("/alerts/{number}/notes", status_code=204, dependencies=CARING)
def say(number: Number, body: Said, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Write a note to an alert, and silence it where the note says until when."""
    if body.silent_until is None:
        alerts.say(session, number, body.words, operator, at=clock())
    else:
        alerts.silence(session, number, body.silent_until, body.words, operator, at=clock())
