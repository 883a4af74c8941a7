"""The oracle behind ``verify --prove``: that a small result is what its rule promises, by linear programmes.

It knows the rules only as what they make as large as possible, one smallest level after the other, and nothing of the
methods by which the solvers get there. It reads the folders as the checker does, and asks two solvers of linear
programmes, GLOP and HiGHS, which must agree. :mod:`allocation.verification` does not import it.
"""

from allocation.proving.proof import Proof, Unprovable, prove_folders

__all__ = ["Proof", "Unprovable", "prove_folders"]
