"""One print: a job as JSON on standard input, its outcome as one line of JSON on standard output."""

import json
import sys
from pathlib import Path
from typing import Any

from terminal_client.adapters.paper import escpos_bytes, fonts, lines, raster
from terminal_client.core import slips
from terminal_client.core.ports import PrinterError
from terminal_client.core.slips import Slip, Width


def compose(slip: Slip, width_mm: Width) -> bytes:
    """Return the printer's bytes of a slip, in the system's fonts.

    Raises
    ------
    PrinterError
        ``no_font``, ``not_installed``.
    """
    texts = [str(value) for part in slip.parts for value in vars(part).values()]
    han = fonts.needs_han(texts)
    faces = {strong: fonts.find(han=han, strong=strong) for strong in (False, True)}
    try:
        picture = raster.draw(slip, width_mm, lambda dots, strong: faces[strong].sized(dots))
        return escpos_bytes.bytes_of(picture)
    except ImportError as error:
        raise PrinterError("not_installed", str(error)) from error
    except OSError as error:
        raise PrinterError("no_font", str(error)) from error


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job; return ``{"confirmed": …}`` or ``{"fault": …, "detail": …}``."""
    patience_s = float(job["patience_s"])
    try:
        data = compose(slips.from_record(job["slip"]), job["width_mm"])
        with lines.opened(job["address"], Path(job["folder"]), patience_s=patience_s) as line:
            return {"confirmed": lines.deliver(line, data, patience_s=patience_s)}
    except PrinterError as error:
        return {"fault": error.fault, "detail": error.detail}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.load(sys.stdin))) + "\n")
