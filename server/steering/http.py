"""``/api/v1/steering``: settings and commands of terminals, for programs."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field, StringConstraints

from contract.errors import Rejected
from server.devices import queries as devices
from server.kit import http, paging
from server.kit.identity import Role
from server.steering import queries, rules, service

STEERERS: tuple[Role, ...] = ("fleet", "administrator")
READERS: tuple[Role, ...] = (*STEERERS, "planner", "auditor")
STEERING = [Depends(http.needs(*STEERERS))]
MOST_TERMINALS = 20_000

steering = http.router("/api/v1/steering", tag="steering", roles=READERS, shops="all")

Device = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Named = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Terminals = Annotated[list[Device], Field(min_length=1, max_length=MOST_TERMINALS)]


class ShadowOf(BaseModel):
    """A terminal's desired and reported state, each with its version; ``delta`` is what differs, as it is desired."""

    device: str
    desired_version: int
    desired: dict[str, Any]
    applied_version: int
    reported_version: int
    reported: dict[str, Any]
    reported_at: datetime | None
    refused: dict[str, Any]
    delta: dict[str, str]


class SettingWanted(BaseModel):
    """A value; ``held``: the shop may not choose another one."""

    value: Named
    held: bool = False


class SettingsWanted(BaseModel):
    """What is to be set on which terminals; a setting without a value is let go.

    ``seen`` is the version of the desired state on which the decision stands: where another one is there by now,
    nothing is written.
    """

    devices: Terminals
    settings: Annotated[dict[Named, SettingWanted | None], Field(min_length=1, max_length=20)]
    seen: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class CommandWanted(BaseModel):
    """What terminals are asked to do, and for how many minutes that holds: two days an update, an hour all else."""

    devices: Terminals
    kind: Named
    params: Annotated[dict[Named, Named], Field(max_length=5)] = {}
    minutes: Annotated[int, Field(ge=rules.LEAST_MINUTES, le=rules.MOST_MINUTES)] | None = None


class CommandsIssued(BaseModel):
    """The commands' ids, in the order of the terminals."""

    commands: list[UUID]


@steering.get("/{device}/shadow")
def shadow_of(session: http.Db, device: str) -> ShadowOf:
    """Return a terminal's two states."""
    if devices.device(session, device) is None:
        raise Rejected("not_found", what="device", name=device)
    found = queries.shadow(session, device)
    return ShadowOf(**{name: getattr(found, name) for name in ShadowOf.model_fields})


@steering.post("/settings", dependencies=STEERING, status_code=204)
def set_desired(session: http.Db, clock: http.Now, operator: http.Person, body: SettingsWanted) -> None:
    """Set settings on terminals."""
    changes = {name: None if one is None else rules.Wanted(one.value, one.held) for name, one in body.settings.items()}
    service.set_desired(session, body.devices, changes, operator, at=clock(), seen=body.seen)


@steering.post("/commands", dependencies=STEERING)
def issue(session: http.Db, clock: http.Now, operator: http.Person, body: CommandWanted) -> CommandsIssued:
    """Ask terminals for something, once."""
    made = service.issue(
        session,
        body.devices,
        body.kind,
        operator,
        at=clock(),
        minutes=rules.usual_minutes(body.kind) if body.minutes is None else body.minutes,
        params=body.params,
    )
    return CommandsIssued(commands=made)


@steering.get("/{device}/commands")
def list_commands(session: http.Db, page: paging.Paged, device: str) -> list[queries.Command]:
    """Return a terminal's commands, the newest first."""
    if devices.device(session, device) is None:
        raise Rejected("not_found", what="device", name=device)
    found = queries.commands(session, device, limit=page.one_more, before=page.key(datetime, UUID))
    return page.rows(found, lambda one: (one.issued_at, one.id))


@steering.get("/commands/{command}")
def one_command(session: http.Db, command: UUID) -> queries.Command:
    """Return one command and what became of it."""
    found = queries.command(session, command)
    if found is None:
        raise Rejected("not_found", what="command", name=str(command))
    return found


@steering.post("/commands/{command}/call-back", dependencies=STEERING, status_code=204)
def call_back(session: http.Db, clock: http.Now, operator: http.Person, command: UUID) -> None:
    """Call a command back: what was not begun is not begun any more."""
    service.call_one_back(session, command, operator, at=clock())
