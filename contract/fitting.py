"""Does an answer fit its question: read by both sides by this one rule.

What is wrong is told in signs that need no translation: ``7 > 5``, ``x ∉ {a, b}``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from contract.feed import Question
from contract.messages import Answer, Cell

NUMBER_MOST = 10**15
LENGTH_MOST = 1000
Field = Literal["choices", "number", "text", "photos", "cells"]

_USED: dict[str, Field] = {
    "single": "choices",
    "multiple": "choices",
    "scale": "number",
    "number": "number",
    "money": "number",
    "text": "text",
    "photo": "photos",
    "matrix": "cells",
}


def used(question: Question) -> Field:
    """Return the field of an answer in which a question's answer stands."""
    return "cells" if question.rows else _USED[question.kind]


def misfit(question: Question, answer: Answer) -> str | None:
    """Return what is wrong with an answer that says something, or none."""
    there = {
        name
        for name, said in (
            ("choices", bool(answer.choices)),
            ("number", answer.number is not None),
            ("text", bool((answer.text or "").strip())),
            ("photos", bool(answer.photos)),
            ("cells", bool(answer.cells)),
        )
        if said
    }
    needed = used(question)
    if there != {needed}:
        return f"{names_in(there)} ≠ {names_in({needed})}"
    return next(_misfits(question, answer), None)


def _misfits(question: Question, answer: Answer) -> Iterator[str]:
    if answer.choices:
        yield from _misfits_of_choices(question, answer.choices)
    if answer.number is not None:
        yield from _misfits_of_number(question, answer.number)
    if answer.cells:
        yield from _misfits_of_cells(question, answer.cells)
    if answer.text is not None:
        yield from _outside(len(answer.text.strip()), question.least, question.most or LENGTH_MOST)
    if answer.photos:
        yield from _outside(len(answer.photos), question.least, question.most)


def _misfits_of_number(question: Question, number: int) -> Iterator[str]:
    low = -NUMBER_MOST if question.low is None else question.low
    high = NUMBER_MOST if question.high is None else question.high
    yield from _outside(number, low, high)


def _misfits_of_cells(question: Question, cells: Sequence[Cell]) -> Iterator[str]:
    rows, columns = {row.id for row in question.rows}, {choice.id for choice in question.choices}
    for name, count in Counter(cell.row for cell in cells).items():
        if name not in rows:
            yield f"{name} ∉ {names_in(rows)}"
        if count > 1:
            yield f"{name} × {count}"
    for cell in cells:
        if (cell.choice is None) == (question.kind == "matrix") or (cell.number is None) != (question.kind == "matrix"):
            yield f"{cell.row}: ?"
        elif cell.choice is not None and cell.choice not in columns:
            yield f"{cell.row}: {cell.choice} ∉ {names_in(columns)}"
        elif cell.number is not None:
            yield from (f"{cell.row}: {wrong}" for wrong in _misfits_of_number(question, cell.number))
    if question.required and len(cells) < len(rows):
        yield f"{len(cells)} < {len(rows)}"


def _misfits_of_choices(question: Question, chosen: Sequence[str]) -> Iterator[str]:
    known = {choice.id for choice in question.choices}
    for choice, count in Counter(chosen).items():
        if choice not in known:
            yield f"{choice} ∉ {names_in(known)}"
        if count > 1:
            yield f"{choice} × {count}"
    if question.kind == "single":
        yield from _outside(len(chosen), None, 1)
    else:
        yield from _outside(len(chosen), question.least, question.most)


def _outside(value: int, least: int | None, most: int | None) -> Iterator[str]:
    if least is not None and value < least:
        yield f"{value} < {least}"
    if most is not None and value > most:
        yield f"{value} > {most}"


def names_in(names: Iterable[str]) -> str:
    """Return names as a set is written."""
    return "{" + ", ".join(sorted(names)) + "}"
