-- Version 12. What the distributor sets on this terminal and asks it to do.

-- How far the two states have come: the desired one that was taken, the own one that was told.
CREATE TABLE shadow (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    applied INTEGER NOT NULL DEFAULT 0,
    reported INTEGER NOT NULL DEFAULT 0,
    told TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO shadow (one) VALUES (1);

-- ``own`` is what the shop had chosen before the setting was bound; null where it had chosen nothing.
CREATE TABLE desired_setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    bound INTEGER NOT NULL CHECK (bound IN (0, 1)),
    own TEXT,
    refused TEXT
) STRICT, WITHOUT ROWID;

-- ``begun_at_ms`` is written before anything is done: what has it is never begun again.
CREATE TABLE command (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    params TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    called_back INTEGER NOT NULL DEFAULT 0 CHECK (called_back IN (0, 1)),
    begun_at_ms INTEGER,
    ended_at_ms INTEGER,
    state TEXT CHECK (state IN ('succeeded', 'failed', 'rejected', 'interrupted', 'expired', 'cancelled')),
    reason TEXT NOT NULL DEFAULT '',
    CHECK ((ended_at_ms IS NULL) = (state IS NULL))
) STRICT;
CREATE INDEX command_open ON command (place) WHERE ended_at_ms IS NULL;
