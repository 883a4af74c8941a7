"""What stands in the shops, as the server believes: a ledger of movements, one a SKU and cause.

Owns: stock movements of the shops, and of the distributor's own depot, with counts and write-offs that may wait for a
second person. Invariants: each ledger is append-only; an entry carries the stock after it, which is never negative and
equals the sum of all entries; one cause (source, its id, SKU, kind) is booked once; no more counts as sold than the
distributor knows to have come in; what is reserved of the own stock is derived and never stored. Events: none.
"""
