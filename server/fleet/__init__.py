"""The fleet as a whole: groups of terminals, tags and rings, health over time, alerts, and the fleet's pages.

Owns: tags, rings, groups and their members, points of health over time, connections, alerts and their rules.
Invariants: a group is a list or a query, never both; a query is kept in words that :mod:`server.fleet.predicate`
reads; whoever is bounded to some shops sees those of their terminals alone. Events: ``AlertsChanged``. Others ask
:func:`server.fleet.members.devices_in_group`. It reads devices and retailers and changes neither.
"""
