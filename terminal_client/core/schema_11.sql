-- Version 11. A terminal is known by a key that it made; what a secret was known by is gone, and wants a new code.

ALTER TABLE identity RENAME TO identity_by_secret;
CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    device TEXT NOT NULL,
    retailer TEXT NOT NULL,
    name TEXT NOT NULL,
    broker_host TEXT,
    broker_port INTEGER,
    key TEXT NOT NULL,
    certificate TEXT NOT NULL,
    authorities TEXT NOT NULL,
    renew_at_ms INTEGER NOT NULL,
    CHECK ((broker_host IS NULL) = (broker_port IS NULL))
) STRICT;
INSERT INTO identity SELECT one, device, retailer, name, broker_host, broker_port, '', '', '', 0 FROM identity_by_secret;
DROP TABLE identity_by_secret;

-- The enrolment that is under way: asked again until it is decided.
CREATE TABLE enrolment (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    code TEXT NOT NULL,
    key TEXT NOT NULL,
    csr TEXT NOT NULL,
    clears_pins INTEGER NOT NULL CHECK (clears_pins IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('asking', 'waiting', 'refused', 'expired')),
    reason TEXT NOT NULL
) STRICT;
