"""Plans by OR-Tools: who goes where by flows of least cost, which days and in which order by its routing library.

Two steps, so that what is routed at once is an area and not the network. First the stops are shared out among the
managers: each gets an area, the stops go to the nearest middle within what fits into the days and within bounds (a
flow of least cost), the middles move, and again, until nothing changes. Then the days of each manager are routed
together: savings (Clarke and Wright 1964), then local search until no neighbour is shorter. Days of one manager are
alike, so that they are put into that order in which stops are least late. Deterministic: whole metres, ties broken
by code, one thread, and limits in solutions, not in seconds; the same stops and terms give the same plan.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp, routing_enums_pb2
from ortools.graph.python.linear_sum_assignment import SimpleLinearSumAssignment
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from server.visits import replanning
from server.visits.distances import Spot, matrix_m, middle
from server.visits.planning import Manager, Plan, Stop, Terms, Tour, travel_minutes

ROUNDS_MOST: Final = 12
SOLUTIONS_MOST: Final = 4_000
"""Of one manager's local search; a descent of 300 stops needs some hundreds."""
LEFT_M: Final = 1_000_000_000
"""Leaving a stop out costs more than any way; leaving an urgent one out costs more still."""
URGENT_M: Final = 1_000_000
URGENT_DAYS_MOST: Final = 400


def plan(stops: Sequence[Stop], terms: Terms, step: Callable[[int], None] = lambda _done: None) -> Plan:
    """Return a plan; ``step`` is told how many steps are done, of :func:`steps`, and may raise to end it."""
    ordered = sorted(stops, key=lambda stop: (stop.due_on, stop.retailer.encode()))
    placed = [stop for stop in ordered if stop.spot is not None]
    areas, left = areas_of(placed, terms)
    step(1)
    tours: list[Tour] = []
    for done, (manager, area) in enumerate(zip(terms.managers, areas, strict=True), start=2):
        found, over = _days_of(manager, area, terms)
        tours += found
        left += over
        step(done)
    homeless = [*left, *(stop for stop in ordered if stop.spot is None)]
    made, _ = replanning.place(
        Plan(tuple(tours), ()), [replanning.Moved(stop, None, None, None, None) for stop in homeless], terms
    )
    return turned(made)


def steps(terms: Terms) -> int:
    """Return in how many steps a plan is made."""
    return 1 + len(terms.managers)


def areas_of(stops: Sequence[Stop], terms: Terms) -> tuple[list[list[Stop]], list[Stop]]:
    """Return the stops of each manager, and those that found no room; all of them have a place."""
    room = [len(terms.workdays(manager)) * terms.stops_a_day for manager in terms.managers]
    if not stops or not any(room):
        return [[] for _ in terms.managers], list(stops)
    spots = [stop.spot for stop in stops if stop.spot is not None]
    allowed = np.array([[manager.goes_to(stop) for manager in terms.managers] for stop in stops])
    middles = _first_middles(spots, allowed)
    owner = _assigned(stops, matrix_m(spots, middles), allowed, room)
    for _ in range(ROUNDS_MOST - 1):
        for at in range(len(middles)):
            own = [spots[row] for row in _rows(owner == at)]
            middles[at] = middle(own) if own else middles[at]
        found = _assigned(stops, matrix_m(spots, middles), allowed, room)
        if np.array_equal(found, owner):
            break
        owner = found
    areas = [[stops[row] for row in _rows(owner == at)] for at in range(len(middles))]
    return areas, [stops[row] for row in _rows(owner < 0)]


def _rows(chosen: NDArray[np.bool_]) -> list[int]:
    return [int(row) for row in np.flatnonzero(chosen)]


def _first_middles(spots: Sequence[Spot], allowed: NDArray[np.bool_]) -> list[Spot]:
    """Return a first middle a manager: each the allowed stop that is farthest from the middles before it."""
    middles: list[Spot] = []
    nearest = matrix_m(spots, [middle(spots)])[:, 0]
    for at in range(allowed.shape[1]):
        own = np.flatnonzero(allowed[:, at])
        chosen = spots[own[int(np.argmax(nearest[own]))]] if len(own) else middle(spots)
        middles.append(chosen)
        distance = matrix_m(spots, [chosen])[:, 0]
        nearest = distance if at == 0 else np.minimum(nearest, distance)
    return middles


def _assigned(
    stops: Sequence[Stop], metres: NDArray[np.int64], allowed: NDArray[np.bool_], room: Sequence[int]
) -> NDArray[np.int64]:
    """Return each stop's manager, -1 for none: least metres in all, as few as possible and no urgent one left out."""
    count, managers = metres.shape
    row, column = np.nonzero(allowed)
    out, sink = count + managers, count + managers + 1
    urgent = np.array(_urgent_days(stops), dtype=np.int64)
    every = np.arange(count)
    tails = np.concatenate([row, every, count + np.arange(managers), [out]])
    heads = np.concatenate([count + column, np.full(count, out), np.full(managers + 1, sink)])
    costs = np.concatenate([metres[row, column], LEFT_M + urgent * URGENT_M, np.zeros(managers + 1, dtype=np.int64)])
    capacity = np.concatenate([np.ones(len(row) + count, dtype=np.int64), room, [count]])
    flow = SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(tails, heads, capacity, costs)
    flow.set_nodes_supplies(np.arange(sink + 1), np.concatenate([np.ones(count), np.zeros(managers + 1), [-count]]))
    if flow.solve() != flow.OPTIMAL:
        raise AssertionError("every stop has a way to the sink")
    used = flow.flows(np.arange(len(row))) > 0
    owner = np.full(count, -1, dtype=np.int64)
    owner[row[used]] = column[used]
    return owner


def _urgent_days(stops: Sequence[Stop]) -> list[int]:
    """Return by how many days each stop is due before the last of them."""
    last = max(stop.due_on for stop in stops)
    return [min((last - stop.due_on).days, URGENT_DAYS_MOST) for stop in stops]


def _days_of(manager: Manager, area: Sequence[Stop], terms: Terms) -> tuple[list[Tour], list[Stop]]:
    days = terms.workdays(manager)
    if not area or not days:
        return [], list(area)
    ways = _ways(area, len(days), terms)
    there = {at for way in ways for at in way}
    ways += [[] for _ in range(len(days) - len(ways))]
    tours = [Tour(manager.name, day, tuple(area[at] for at in ways[way])) for way, day in _least_late(ways, area, days)]
    return [tour for tour in tours if tour.stops], [stop for at, stop in enumerate(area) if at not in there]


def _ways(area: Sequence[Stop], days: int, terms: Terms) -> list[list[int]]:
    """Return the ways of some days through an area, as places in it."""
    spots = [stop.spot for stop in area if stop.spot is not None]
    count = len(area)
    metres = np.zeros((count + 1, count + 1), dtype=np.int64)  # the last is where days begin and end: nowhere
    metres[:count, :count] = matrix_m(spots, spots)
    minutes = np.ceil(travel_minutes(1, terms.speed_kmh) * metres).astype(np.int64)
    minutes[:count] += np.array([stop.minutes for stop in area])[:, None]
    nodes = pywrapcp.RoutingIndexManager(count + 1, days, count)
    routing = pywrapcp.RoutingModel(nodes)
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(metres.tolist()))
    routing.AddDimension(routing.RegisterTransitMatrix(minutes.tolist()), 0, terms.minutes_a_day, True, "minutes")
    ones = routing.RegisterUnaryTransitVector([1] * count + [0])
    routing.AddDimension(ones, 0, terms.stops_a_day, True, "stops")
    for at, urgent in enumerate(_urgent_days(area)):
        routing.AddDisjunction([nodes.NodeToIndex(at)], LEFT_M + urgent * URGENT_M)
    solution = routing.SolveWithParameters(_parameters())
    if solution is None:
        raise AssertionError("leaving all stops out is a plan")
    return list(_read(routing, nodes, solution, days))


def _parameters() -> Any:
    asked = pywrapcp.DefaultRoutingSearchParameters()
    asked.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.SAVINGS
    asked.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GREEDY_DESCENT
    asked.solution_limit = SOLUTIONS_MOST
    return asked


def _read(routing: Any, nodes: Any, solution: Any, days: int) -> Iterator[list[int]]:
    for vehicle in range(days):
        way, index = [], solution.Value(routing.NextVar(routing.Start(vehicle)))
        while not routing.IsEnd(index):
            way.append(nodes.IndexToNode(index))
            index = solution.Value(routing.NextVar(index))
        yield way


def _least_late(ways: Sequence[Sequence[int]], area: Sequence[Stop], days: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return each way with its day: by an assignment of least days late in all; full ways early where that is equal."""
    assignment = SimpleLinearSumAssignment()
    for at, way in enumerate(ways):
        for on, day in enumerate(days):
            late = sum(max(0, (day - area[stop].due_on).days) for stop in way)
            assignment.add_arc_with_cost(at, on, late * len(days) * 10_000 + on * len(way))
    if assignment.solve() != assignment.OPTIMAL:
        raise AssertionError("every way fits into every day")
    return [(at, days[assignment.right_mate(at)]) for at in range(len(ways))]


def turned(plan_made: Plan) -> Plan:
    """Return the plan with each tour begun at the end where what is due earlier stands; lengths stay."""
    return replace(plan_made, tours=tuple(_turned(tour) for tour in plan_made.tours))


def _turned(tour: Tour) -> Tour:
    half = len(tour.stops) // 2
    first, last = tour.stops[:half], tour.stops[len(tour.stops) - half :]
    early = [sum(stop.due_on.toordinal() for stop in part) for part in (first, last)]
    return replace(tour, stops=tuple(reversed(tour.stops))) if early[1] < early[0] else tour
