-- Version 5. A count of the shop's stock that is under way, and days of expiry that were scanned.

CREATE TABLE stock_count (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
    begun_at_ms INTEGER NOT NULL
) STRICT;

-- ``book_units`` stood in the book when it was counted. ``sure``: the difference was seen, and stands.
CREATE TABLE stock_count_line (
    sku TEXT PRIMARY KEY,
    counted_units INTEGER NOT NULL CHECK (counted_units >= 0),
    book_units INTEGER NOT NULL CHECK (book_units >= 0),
    sure INTEGER NOT NULL CHECK (sure IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE stock_batch (
    sku TEXT NOT NULL,
    batch TEXT NOT NULL,
    expires TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    gone_at_ms INTEGER,
    PRIMARY KEY (sku, batch, expires)
) STRICT, WITHOUT ROWID;

-- A year of sales is not read through for what came last.
CREATE INDEX outbox_by_kind ON outbox (kind, saved_at_ms);
CREATE INDEX outbox_settled ON outbox (kind, settled_at_ms);
