-- Version 1. One file holds all that a terminal knows; user_version counts the steps in store.py.

CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    device TEXT NOT NULL,
    secret TEXT NOT NULL,
    retailer TEXT NOT NULL,
    name TEXT NOT NULL,
    broker_host TEXT,
    broker_port INTEGER,
    CHECK ((broker_host IS NULL) = (broker_port IS NULL))
) STRICT;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far the exchange with the server has come. Times are milliseconds since 1970.
CREATE TABLE progress (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL DEFAULT 0 CHECK (cursor >= 0),
    last_message_seq INTEGER NOT NULL DEFAULT 0,
    offset_ms INTEGER,
    measured_at_wall_ms INTEGER,
    exchanged_at_ms INTEGER,
    CHECK ((offset_ms IS NULL) = (measured_at_wall_ms IS NULL))
) STRICT;
INSERT INTO progress (one) VALUES (1);

CREATE TABLE reference (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- The server's feed, compacted by key as the server compacts it.
CREATE TABLE feed (
    key TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_by_kind ON feed (kind, seq);

-- The draw's commitment as it was first seen: a later one does not replace it.
CREATE TABLE seen_commitment (
    cycle TEXT PRIMARY KEY,
    commitment TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Everything that was ever said to the server. Rows are never deleted.
CREATE TABLE outbox (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    seq INTEGER NOT NULL UNIQUE,
    saved_at_ms INTEGER NOT NULL,
    sent_at_ms INTEGER,
    outcome TEXT CHECK (outcome IN ('accepted', 'rejected')),
    settled_at_ms INTEGER,
    number INTEGER,
    revision INTEGER,
    code TEXT,
    params TEXT,
    dealt_with_at_ms INTEGER,
    CHECK ((outcome IS NULL) = (settled_at_ms IS NULL)),
    CHECK (outcome IS NOT 'rejected' OR code IS NOT NULL)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (place) WHERE outcome IS NULL;
CREATE INDEX outbox_by_subject ON outbox (subject, place);

-- Unfinished work: it survives a power cut at any tap.
CREATE TABLE draft (
    window TEXT PRIMARY KEY,
    amends TEXT,
    revision INTEGER,
    sent_as TEXT,
    CHECK ((amends IS NULL) = (revision IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE draft_line (
    window TEXT NOT NULL REFERENCES draft (window) ON DELETE CASCADE,
    sku TEXT NOT NULL,
    quantity_units INTEGER NOT NULL CHECK (quantity_units > 0),
    PRIMARY KEY (window, sku)
) STRICT, WITHOUT ROWID;
CREATE TABLE draft_count (
    delivery TEXT NOT NULL,
    sku TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (delivery, sku)
) STRICT, WITHOUT ROWID;
CREATE TABLE draft_answer (
    survey TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (survey, question)
) STRICT, WITHOUT ROWID;
