"""``/api/v1/rollouts``: what many terminals are asked to do, for programs."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field, StringConstraints

from contract.errors import Rejected
from server.kit import http, paging
from server.rollouts import queries, rules, service
from server.rollouts.audience import Target
from server.steering.http import READERS, STEERERS
from server.steering.rules import usual_minutes

ACTING = [Depends(http.needs(*STEERERS))]

rollouts = http.router("/api/v1/rollouts", tag="rollouts", roles=READERS)

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Number = Annotated[int, Field(ge=0, le=100_000)]


class RingWanted(BaseModel):
    """``share_percent`` counts this ring and those before; the last one is 100."""

    name: Name
    share_percent: Annotated[int, Field(ge=1, le=100)]
    advance: rules.Advance = "auto"
    success_percent: Annotated[int, Field(ge=0, le=100)] = 95


class RolloutWanted(BaseModel):
    """A rollout as it is proposed; one that updates programs waits for a second person.

    ``device_minutes``: without it two days for an update, which waits for a night, and an hour for the others.
    """

    name: Name
    kind: Name
    params: Annotated[dict[Name, Name], Field(max_length=5)] = {}
    target: Target = Target()
    continuous: bool = False
    rings: Annotated[list[RingWanted], Field(min_length=1, max_length=rules.RINGS_MOST)]
    rate_per_minute: Number = 60
    abort_percent: Number = 10
    abort_minimum: Number = 5
    device_minutes: Number | None = None
    deadline_hours: Number = 168


class RolloutProposed(BaseModel):
    """The id under which it stands."""

    rollout: UUID


class RolloutNow(BaseModel):
    """A rollout and how the terminals of each ring stand."""

    rollout: queries.Rollout
    rings: list[dict[str, int]]


class ActWanted(BaseModel):
    """``again``: with *resume*, those that failed are tried once more."""

    act: Literal["pause", "resume", "advance", "cancel"]
    again: bool = False


@rollouts.get("")
def list_rollouts(session: http.Db, page: paging.Paged) -> list[queries.Rollout]:
    """Return rollouts, the newest first."""
    found = queries.rollouts(session, limit=page.one_more, before=page.key(int))
    return page.rows(found, lambda one: (one.number,))


@rollouts.post("", dependencies=ACTING)
def propose(session: http.Db, clock: http.Now, operator: http.Person, body: RolloutWanted) -> RolloutProposed:
    """Propose a rollout; one that needs no second person runs at once."""
    rings = tuple(rules.Ring(**ring.model_dump()) for ring in body.rings)
    made = service.propose(
        session,
        body.name,
        body.kind,
        body.params,
        body.target,
        rules.Plan(rings, body.rate_per_minute, body.abort_percent, body.abort_minimum),
        operator,
        at=clock(),
        device_minutes=usual_minutes(body.kind) if body.device_minutes is None else body.device_minutes,
        deadline_hours=body.deadline_hours,
        continuous=body.continuous,
    )
    return RolloutProposed(rollout=made)


@rollouts.get("/{rollout}")
def one_rollout(session: http.Db, rollout: UUID) -> RolloutNow:
    """Return one rollout and its figures."""
    found = _found(session, rollout)
    counted = queries.counts(session, [rollout])[rollout]
    return RolloutNow(rollout=found, rings=[dict(counted.get(ring, {})) for ring in range(len(found.rings))])


@rollouts.get("/{rollout}/terminals")
def list_terminals(
    session: http.Db, page: paging.Paged, rollout: UUID, state: Annotated[str | None, Query(max_length=20)] = None
) -> list[queries.Terminal]:
    """Return the terminals of a rollout, each with its state and reason."""
    _found(session, rollout)
    found = queries.terminals(session, rollout, limit=page.one_more, after=page.key(str) or "", state=state)
    return page.rows(found, lambda one: (one.device,))


@rollouts.post("/{rollout}/release", dependencies=ACTING, status_code=204)
def release(session: http.Db, clock: http.Now, operator: http.Person, rollout: UUID) -> None:
    """Release a proposed rollout, as the second person."""
    service.release(session, rollout, operator, at=clock())


@rollouts.post("/{rollout}/act", dependencies=ACTING, status_code=204)
def act(session: http.Db, clock: http.Now, operator: http.Person, rollout: UUID, body: ActWanted) -> None:
    """Pause, resume, go on with the next ring, or stop for good."""
    service.act(session, rollout, body.act, operator, at=clock(), again=body.again)


def _found(session: http.Db, rollout: UUID) -> queries.Rollout:
    found = queries.rollout(session, rollout)
    if found is None:
        raise Rejected("not_found", what="rollout", name=str(rollout))
    return found
