"""Making a plan, in the solver: read in one transaction, calculated in none, stored in another, stoppable between."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from server.kit import computations
from server.kit.db import bounds, transaction
from server.kit.identity import Role
from server.kit.runtime import Runtime
from server.operators import queries as operators
from server.retailers import queries as retailers
from server.visits import planning, plans, queries, ruling, touring
from server.visits.distances import Spot
from server.visits.models import PlanRow
from server.visits.planning import STOPS_MOST, Stop


def run(runtime: Runtime, *, plan: str) -> None:
    """Make a plan. Called again after a crash it begins anew; where it is over it does nothing."""
    with computations.until_stopped(f"visit_plan:{plan}"):
        _run(runtime, UUID(plan))


def _run(runtime: Runtime, plan: UUID) -> None:
    with transaction(runtime.sessions) as session:
        row = computations.begin(session, PlanRow, plan)
        if row is None:
            return
        row.steps_done = 0
        session.flush()
        asked = plans.find(session, plan)
    within = bounds(*asked.within)
    with transaction(runtime.sessions, within) as session:
        stops = read(session, runtime, asked)

    def step(done: int) -> None:
        with transaction(runtime.sessions) as session:
            computations.note(session, PlanRow, plan, steps_done=done)

    step(1)
    made = touring.plan(stops[:STOPS_MOST], asked.terms, lambda done: step(done + 1))
    made = planning.Plan(made.tours, (*made.left, *stops[STOPS_MOST:]))
    figures = planning.figures(made, asked.terms)
    with transaction(runtime.sessions) as session:
        ended = {"state": "made", "figures": figures, "steps_done": asked.steps, "done_at": runtime.clock()}
        computations.note(session, PlanRow, plan, **ended)
        plans.store(session, plan, made)


def read(session: Session, runtime: Runtime, asked: plans.PlanView) -> list[Stop]:
    """Return the visits that are due until the plan's last day and stand in no other plan, the earliest first.

    Of rules that are none of the chosen people's, by their roles, there are none.
    """
    zone = runtime.settings.tz
    today = asked.asked_at.astimezone(zone).date()
    going = {one.name for one in asked.terms.managers}
    people = operators.operators(session, at=asked.asked_at)
    roles = frozenset[Role]().union(*(one.roles for one in people if one.name in going))
    rule_set = ruling.version(session, asked.rules_version)
    rule_set = replace(rule_set, rules=tuple(rule for rule in rule_set.rules if rule.who in roles))
    outlets = {one.code: one for one in retailers.outlets(session, on=today) if asked.terms.route in {"", one.route}}
    last_day = asked.terms.last_day
    every = queries.due(
        session, today=today, until=last_day, zone=zone, rule_set=rule_set, outlets=list(outlets.values())
    )
    there = plans.planned_already(session, today=today)
    found: dict[str, Stop] = {}
    for one in every:
        if one.rule.sort != "visit" or one.retailer in there or one.retailer in found:
            continue
        shop = outlets[one.retailer]
        spot = None if shop.latitude is None or shop.longitude is None else Spot(shop.latitude, shop.longitude)
        found[one.retailer] = Stop(
            one.retailer, one.rule.key, one.due_on, one.rule.minutes, shop.region, shop.market_type, spot
        )
    return list(found.values())
