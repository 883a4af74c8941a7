-- Version 8. What is said without a name: nothing else of the terminal knows of it, and it is deleted once its code is
-- written down. No time, no order.

CREATE TABLE unnamed (
    id TEXT PRIMARY KEY,
    code TEXT NOT NULL,
    body TEXT NOT NULL,
    received INTEGER NOT NULL CHECK (received IN (0, 1))
) STRICT, WITHOUT ROWID;
