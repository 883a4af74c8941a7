"""One allocation on several machines, with the result of one machine to the byte.

The lines are cut into shards, by retailers. SKUs whose lines meet in nothing but the supply are filled where their
lines are: only sums by SKU, and the few packs around each supply's end, are brought together. Lines that meet in
further constraints are filled by connected components, each in one place.
"""

from allocation.sharding.filling import fill_in_shards
from allocation.sharding.places import Here, Places

__all__ = ["Here", "Places", "fill_in_shards"]
