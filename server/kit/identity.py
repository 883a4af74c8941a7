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
    """A signed-in person. Regions and classes of shops bound what is seen and changed; none: all.

    Who ``needs_second_factor`` and has none reaches the own account alone, to set one up.
    """

    id: int
    name: str
    roles: frozenset[Role]
    regions: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    second_factor: bool = False
    needs_second_factor: bool = False

    @property
    def bounded(self) -> bool:
        """Whether only the shops of some regions or classes are this person's."""
        return bool(self.regions or self.classes)

    @property
    def actor(self) -> "Actor":
        """Return the person as the audit names him."""
        return Actor("operator", self.name)

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
