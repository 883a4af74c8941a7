"""Who is asking: a device for its owner, an operator with his roles, or the system itself."""

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal[
    "planner",
    "releaser",
    "manager",
    "dispatcher",
    "inspector",
    "regional",
    "fleet",
    "administrator",
    "auditor",
]
"""Planner, releaser, customer manager, dispatcher, licence inspector, regional manager, fleet administrator,
administrator, auditor. A program that calls the interface is none of these: it has a token."""

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Sender:
    """An authenticated device and the one party it speaks for."""

    device: str
    party: str


@dataclass(frozen=True)
class Operator:
    """A signed-in person."""

    id: int
    name: str
    roles: frozenset[Role]

    def may(self, *roles: Role) -> bool:
        """Return whether the person holds one of ``roles``."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True)
class Actor:
    """Whom an audit entry names: ``operator:anna``, ``device:abc``, ``system:worker``."""

    kind: Literal["operator", "device", "system"]
    name: str

    def __str__(self) -> str:
        """Return the actor as audit entries write it."""
        return f"{self.kind}:{self.name}"


SYSTEM = Actor("system", "evenhand")
