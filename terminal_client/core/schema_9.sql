-- What goes with announcements: pages that were fetched, or are coming. They can be fetched again at any time.

CREATE TABLE attachment (
    sha256 TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    content BLOB NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
    not_before_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
