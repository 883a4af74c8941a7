"""A picture as an ESC/POS printer's commands, by python-escpos into memory."""

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

#: Rows of one raster command: small printers hold no more of a picture at once.
BAND_DOTS = 256


def bytes_of(picture: "Image") -> bytes:
    """Return what to send: the printer's start, the picture in bands, a feed and a cut."""
    from escpos.printer import Dummy  # noqa: PLC0415 - loaded for a print alone

    printer = Dummy()
    with contextlib.redirect_stdout(sys.stderr):  # it prints remarks on what its profile does not say
        printer.hw("INIT")
        printer.image(picture, impl="bitImageRaster", fragment_height=BAND_DOTS)
        printer.cut()
    return bytes(printer.output)
