"""What the command does with cycles. Functions take a session in a transaction and return lines for a person."""

from pathlib import Path

from sqlalchemy.orm import Session

from server.cycles import exporting, queries


def list_all(session: Session) -> list[str]:
    """Return a line a cycle, the newest first: number, week, state, names."""
    return [
        f"{cycle.number:>4}  {cycle.week}  {cycle.state:<10}  {cycle.name_en} / {cycle.name_zh}"
        for cycle in queries.cycles(session)
    ]


def export(session: Session, name: str, folder: Path) -> list[str]:
    """Write ``problem/`` and ``result/`` of the cycle with this number or id into ``folder``; say how to check them.

    Of the attempt whose grants are out, before the first publication of the last one.

    Raises
    ------
    Rejected
        ``not_found``: no such cycle, or no result of it yet.
    InputError
        Where something else stands in ``folder``.
    """
    cycle = exporting.find_cycle(session, name)
    found = queries.cycle(session, cycle)
    exporting.write(session, cycle, folder, None if found is None else found.standing_attempt)
    return [f"written to {folder}; check it: evenhand verify {folder / 'problem'} {folder / 'result'}"]
