-- Version 2. A server that came back from a backup, and what a person must be told of the exchange.

-- Which history of the server's database the cursor belongs to, and whether its feed is being read anew.
ALTER TABLE progress ADD COLUMN history TEXT;
ALTER TABLE progress ADD COLUMN rereading INTEGER NOT NULL DEFAULT 0;

-- Doubted: the receipt was not yet said again by a server that has forgotten things. Lost: it had been received
-- under this number at this moment, was forgotten, and is sent again.
ALTER TABLE outbox ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN lost_number INTEGER;
ALTER TABLE outbox ADD COLUMN lost_at_ms INTEGER;
CREATE INDEX outbox_doubted ON outbox (place) WHERE doubted;

CREATE TABLE alarm (
    code TEXT PRIMARY KEY,
    raised_at_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    seen_at_ms INTEGER
) STRICT, WITHOUT ROWID;
