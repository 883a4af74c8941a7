"""``make seed-large``: three years of a distributor with ten thousand shops, in a server's own database.

What happened long ago is written by statements that the database fills from series of numbers, so that nothing but
the statements goes over the wire; all constraints and foreign keys hold as for any other writer: those of the largest
tables are checked for all rows together, in the transaction that writes them. The last cycles, the scores and the what-ifs go through the server's own
steps: frozen, shared out, checked, published. The same size gives the same network; ids of what the server itself
makes, its draws and the times differ.
"""

from loadtests.seeding.filling import NotEmptyError, fill
from loadtests.seeding.size import LARGE, Size

__all__ = ["LARGE", "NotEmptyError", "Size", "fill"]
