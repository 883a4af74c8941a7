"""``make seed-large``: three years of a distributor with ten thousand shops, in a server's own database.

What happened long ago is written by statements that the database fills from series of numbers, so that nothing but
the statements goes over the wire; all constraints, foreign keys and row-level security hold as for any other writer,
since it writes as the application does. The last cycles, the scores and the what-ifs go through the server's own
steps: frozen, shared out, checked, published. The same size gives the same network; ids of what the server itself
makes, its draws and the times differ.
"""

from loadtests.seeding.filling import NotEmptyError, fill, gather_statistics
from loadtests.seeding.size import LARGE, Size

__all__ = ["LARGE", "NotEmptyError", "Size", "fill", "gather_statistics"]
