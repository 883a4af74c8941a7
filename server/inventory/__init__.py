"""What stands in the shops, as the server believes: a ledger of movements, one a SKU and cause.

Owns: stock movements. Invariants: the ledger is append-only; an entry carries the stock after it, which is never
negative and equals the sum of all entries; one cause (source, its id, SKU, kind) is booked once; no more counts as
sold than the distributor knows to have come in. Events: none.
"""
