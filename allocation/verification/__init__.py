"""The checker: does a published result follow from the problem? It imports no solver and shares no code with one.

It reads problem and result for itself, works out for itself what each line may get, and goes through four questions:

1. Is the result feasible: exact sums, whole packs, floors, minimums?
2. Was every short line rightly stopped? For a line stopped by a constraint before a unit, the room at that unit's turn
   was smaller than the unit. With feasibility this is a proof: along the order only one allocation passes.
3. Do the thresholds in the certificate reproduce the quantities?
4. Do hashes, seed, commitment and policy agree?
"""

from allocation.verification.checking import verify, verify_folders
from allocation.verification.findings import Unreadable, Verdict, Violation

__all__ = ["Unreadable", "Verdict", "Violation", "verify", "verify_folders"]
