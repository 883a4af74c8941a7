"""Linear equations solved in fractions: sparse elimination, the shortest equation first."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Generic, TypeVar

Number = int | Fraction
Key = TypeVar("Key")


class ContradictionError(Exception):
    """No values satisfy the equations."""


def solved(equations: Sequence[tuple[Mapping[Key, Number], Number]], unknowns: Iterable[Key]) -> dict[Key, Number]:
    """Solve linear equations exactly; unknowns that nothing determines are 0.

    Parameters
    ----------
    equations
        Each as ({unknown: coefficient}, right side).

    Raises
    ------
    ContradictionError
        Where there is no solution.
    """
    return _Elimination(equations, unknowns).values()


class _Elimination(Generic[Key]):
    """What is left of the equations, and which of them use which unknown."""

    def __init__(self, equations: Sequence[tuple[Mapping[Key, Number], Number]], unknowns: Iterable[Key]) -> None:
        self.rows: list[dict[Key, Number]] = [dict(coefficients) for coefficients, _ in equations]
        self.rights: list[Number] = [right for _, right in equations]
        self.uses: dict[Key, set[int]] = {unknown: set() for unknown in unknowns}
        for i, row in enumerate(self.rows):
            for unknown in row:
                self.uses[unknown].add(i)
        self.queue = [(len(row), i) for i, row in enumerate(self.rows)]
        heapq.heapify(self.queue)
        self.taken: list[tuple[Key, dict[Key, Number], Number]] = []

    def values(self) -> dict[Key, Number]:
        """Take equation after equation, then go back through them."""
        done: set[int] = set()
        while self.queue:
            length, i = heapq.heappop(self.queue)
            if i in done or length != len(self.rows[i]):
                continue
            done.add(i)
            if self.rows[i]:
                self._take(i)
            elif self.rights[i]:
                raise ContradictionError("the equations of a basis contradict each other")
        values: dict[Key, Number] = dict.fromkeys(self.uses, 0)
        for pivot, row, right in reversed(self.taken):
            values[pivot] = right - sum(a * values[unknown] for unknown, a in row.items())
        return values

    def _take(self, i: int) -> None:
        """Express an unknown by the others of an equation, and put that into every equation that uses it."""
        row = self.rows[i]
        pivot = min(row, key=lambda unknown: len(self.uses[unknown]))
        lead = row.pop(pivot)
        row = {unknown: Fraction(a) / lead for unknown, a in row.items()}
        right = Fraction(self.rights[i]) / lead
        self.taken.append((pivot, row, right))
        for unknown in row:
            self.uses[unknown].discard(i)
        for other in self.uses.pop(pivot) - {i}:
            factor = self.rows[other].pop(pivot)
            self.rights[other] -= factor * right
            for unknown, a in row.items():
                self._change(other, unknown, -factor * a)
            heapq.heappush(self.queue, (len(self.rows[other]), other))

    def _change(self, i: int, unknown: Key, more: Number) -> None:
        changed = self.rows[i].get(unknown, 0) + more
        if changed:
            self.rows[i][unknown] = changed
            self.uses[unknown].add(i)
        else:
            self.rows[i].pop(unknown, None)
            self.uses[unknown].discard(i)
