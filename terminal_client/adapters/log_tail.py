"""The newest lines of the program's log, kept in memory for a diagnosis."""

import logging
from collections import deque
from typing import Final

from contract.steering import LOG_LINE_MOST, LOG_LINES_MOST

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LogTail(logging.Handler):
    """Keeps the newest lines; the oldest go."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._lines: deque[str] = deque(maxlen=LOG_LINES_MOST)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line; of an exception its name and words."""
        said = self.format(record).splitlines()
        line = said[0] if record.exc_info is None else f"{said[0]} | {said[-1]}"
        self._lines.append(line.replace("\x00", "")[:LOG_LINE_MOST])

    def lines(self) -> tuple[str, ...]:
        """Return what is kept, oldest first."""
        return tuple(self._lines)
