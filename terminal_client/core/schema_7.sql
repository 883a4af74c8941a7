-- Version 7. Photos: kept before they are named, until the server has said that it has them whole.

-- ``outcome`` is the server's word: 'received', or the code with which it does not take it.
CREATE TABLE photo (
    sha256 TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    content BLOB NOT NULL,
    taken_at_ms INTEGER NOT NULL,
    outcome TEXT,
    settled_at_ms INTEGER,
    CHECK ((outcome IS NULL) = (settled_at_ms IS NULL))
) STRICT;

-- What is being written: ``place`` names the line, the complaint, the appeal.
CREATE TABLE draft_photo (
    place TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES photo (sha256),
    added_at_ms INTEGER NOT NULL,
    PRIMARY KEY (place, sha256)
) STRICT, WITHOUT ROWID;

-- ``part`` is the SKU of a delivery's line, else empty.
CREATE TABLE message_photo (
    message TEXT NOT NULL REFERENCES outbox (id),
    part TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    sha256 TEXT NOT NULL REFERENCES photo (sha256),
    PRIMARY KEY (message, part, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_photo_by_photo ON message_photo (sha256);
