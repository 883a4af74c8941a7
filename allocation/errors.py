"""What can go wrong, by whose turn it is next."""

_SHOWN = 80


class AllocationError(Exception):
    """The root of all errors that this library raises on purpose; `str()` is one line for a person."""


class InputError(AllocationError):
    """The input cannot be used as it is: whoever made it must change it.

    Parameters
    ----------
    table
        The file or table, such as ``requests.csv``.
    what
        What is wrong and what to do about it, in one sentence.
    row
        The record, the header being 1; None where the whole table is meant.
    column
        The column; None where no single one is meant.
    value
        The offending value as text; None where there is none.
    """

    def __init__(
        self,
        table: str,
        what: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(table, what)
        self.table = table
        self.what = what
        self.row = row
        self.column = column
        self.value = value

    def __str__(self) -> str:
        """One line: file, row, column, value, and what to do."""
        place = [self.table]
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column}")
        if self.value is not None:
            place.append(f"value {shown(self.value)}")
        return f"{', '.join(place)}: {self.what}"


class WorkLimitError(AllocationError):
    """The integer programme was not proven optimal within its deterministic work limit; nothing is published."""


class ClusterError(AllocationError):
    """The workers that were asked for cannot be had."""


class AnswerRefusedError(AllocationError):
    """A solver's answer failed our own check; nothing is published."""


def shown(value: str) -> str:
    """Quote a value for a message: invisible and control characters escaped, long values cut."""
    text = value if len(value) <= _SHOWN else value[:_SHOWN] + "..."
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + '"'
