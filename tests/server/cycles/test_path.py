"""The way of a cycle on the real database, from its draft to the published grants."""

from server.cycles import queries
from server.kit.db import transaction


def test_first(town):
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    print(town.work())
    found = town.cycle(cycle)
    print(found)
    with transaction(town.sessions) as session:
        for g in queries.drafted_grants(session, cycle):
            print(g)
    assert 0
