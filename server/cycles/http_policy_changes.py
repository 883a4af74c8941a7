"""``/api/v1/cycles/…/policy-changes``: another policy after the announcement, proposed by one, decided by another."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from server.cycles import policy_change_queries, policy_changing, shapes
from server.cycles.http import known
from server.kit import http

reading = http.router("/api/v1/cycles", tag="cycles", roles=(), shops="reads")
planning = http.router("/api/v1/cycles", tag="cycles", roles=("planner",))
releasing = http.router("/api/v1/cycles", tag="cycles", roles=("releaser",))


class NewPolicyChange(shapes.Body):
    """Which version of which policy is to take the place of the announced one, and why; the shops read the reason."""

    policy: str
    policy_version: int
    reason: str


class PolicyChangeStatus(BaseModel):
    """A proposal: what is to stand in whose place, who proposed it and why, who decided."""

    id: UUID
    name: str
    version: int
    from_name: str
    from_version: int
    reason: str
    author: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None


@reading.get("/{cycle}/policy-changes")
def list_policy_changes(cycle: UUID, session: http.Db) -> list[PolicyChangeStatus]:
    """Return every proposal of a cycle, the newest first."""
    known(session, cycle)
    return [
        PolicyChangeStatus.model_validate(one, from_attributes=True)
        for one in policy_change_queries.changes(session, cycle)
    ]


@planning.post("/{cycle}/policy-changes", status_code=201)
def propose(cycle: UUID, new: NewPolicyChange, session: http.Db, operator: http.Person, clock: http.Now) -> shapes.Made:
    """Propose another policy for an announced cycle; nothing changes before a second person approves."""
    made = policy_changing.propose(
        session, cycle, new.policy, new.policy_version, reason=new.reason, by=operator, at=clock()
    )
    return shapes.Made(id=made)


@releasing.post("/{cycle}/policy-changes/{change}/approve", status_code=204)
def approve(cycle: UUID, change: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Approve as the second person: every terminal of the cycle's windows gets a notice with the reason."""
    policy_changing.approve(session, cycle, change, by=operator, at=clock())


@releasing.post("/{cycle}/policy-changes/{change}/decline", status_code=204)
def decline(
    cycle: UUID, change: UUID, why: shapes.Reason, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Decline as the second person."""
    policy_changing.decline(session, cycle, change, reason=why.reason, by=operator, at=clock())
