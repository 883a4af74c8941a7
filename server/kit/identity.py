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
API = "/api/v1/"
PROGRAM = "token:"


def scope_of(path: str, *, reads: bool) -> str | None:
    """Return the scope that a program needs at an address, ``orders:read``; none outside of the programs' interface."""
    if not path.startswith(API):
        return None
    family = path.removeprefix(API).partition("/")[0]
    return f"{family}:{'read' if reads else 'write'}"


@dataclass(frozen=True)
class Sender:
    """An authenticated device and the one party it speaks for."""

    device: str
    party: str


@dataclass(frozen=True)
class Operator:
    """A signed-in person. Regions and classes of shops bound what is seen and changed; none: all.

    Who ``needs_second_factor`` and has none reaches the own account alone, to set one up.
    With ``scopes`` it is no person but a program with a token: its name is ``token:NAME``, which no person can be
    called, and it reaches what its scopes name (:func:`scope_of`).
    """

    id: int
    name: str
    roles: frozenset[Role]
    regions: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    second_factor: bool = False
    needs_second_factor: bool = False
    scopes: frozenset[str] | None = None

    @property
    def bounded(self) -> bool:
        """Whether only the shops of some regions or classes are this person's."""
        return bool(self.regions or self.classes)

    @property
    def actor(self) -> "Actor":
        """Return the person, or the token, as the audit names him."""
        if self.scopes is not None:
            return Actor("token", self.name.removeprefix(PROGRAM))
        return Actor("operator", self.name)

    def may(self, *roles: Role) -> bool:
        """Return whether the person holds one of ``roles``."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True)
class Actor:
    """Whom an audit entry names: ``operator:anna``, ``device:abc``, ``token:erp``, ``system:worker``."""

    kind: Literal["operator", "device", "token", "system"]
    name: str

    def __str__(self) -> str:
        """Return the actor as audit entries write it."""
        return f"{self.kind}:{self.name}"


SYSTEM = Actor("system", "evenhand")
