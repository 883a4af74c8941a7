"""What a token can be made for: families of the interface, to read or to write.

A token stands in for no second person. Cycles, policies, schedules, forecasts, scores and rollouts are decided by two
persons, signs of diversion are judged by one: programs read them, people write them. A token holds the roles below
within its scopes, never those of a releaser or an administrator.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contract.errors import Rejected
from server.kit.identity import Role
from server.kit.marking import N_

ROLES: frozenset[Role] = frozenset({"planner", "manager", "dispatcher", "inspector", "fleet"})


@dataclass(frozen=True)
class Family:
    """One family: what stands behind ``/api/v1/``, in words, and whether a token may read and write there."""

    name: str
    words: str
    reads: bool = True
    writes: bool = True


FAMILIES: tuple[Family, ...] = (
    Family("orders", N_("Orders"), writes=False),
    Family("cycles", N_("Cycles"), writes=False),
    Family("policies", N_("Policy room"), writes=False),
    Family("schedules", N_("Schedules"), writes=False),
    Family("what-ifs", N_("What-ifs"), writes=False),
    Family("forecasts", N_("Forecasts"), writes=False),
    Family("scores", N_("Scores"), writes=False),
    Family("deliveries", N_("Deliveries")),
    Family("claims", N_("Claims")),
    Family("stock", N_("Stock")),
    Family("depot", N_("Own stock"), writes=False),
    Family("retailers", N_("Retailers")),
    Family("licences", N_("Licences"), writes=False),
    Family("skus", N_("Catalogue")),
    Family("imports", N_("Bring files in")),
    Family("devices", N_("Terminals")),
    Family("fleet", N_("Fleet")),
    Family("steering", N_("Settings and commands")),
    Family("rollouts", N_("Rollouts"), writes=False),
    Family("signals", N_("Signals"), writes=False),
    Family("announcements", N_("Announcements")),
    Family("surveys", N_("Surveys")),
    Family("feedback", N_("Complaints")),
    Family("visits", N_("Visits"), writes=False),
)

SCOPES: tuple[str, ...] = tuple(
    f"{family.name}:{act}"
    for family in FAMILIES
    for act, offered in (("read", family.reads), ("write", family.writes))
    if offered
)


def known(wanted: Iterable[str]) -> list[str]:
    """Return scopes in the order of :data:`SCOPES`.

    Raises
    ------
    Rejected
        ``scopes_needed`` for none at all, ``not_found`` for one that there is not.
    """
    asked = set(wanted)
    for scope in sorted(asked - set(SCOPES)):
        raise Rejected("not_found", what="scope", name=scope)
    if not asked:
        raise Rejected("scopes_needed")
    return [scope for scope in SCOPES if scope in asked]
