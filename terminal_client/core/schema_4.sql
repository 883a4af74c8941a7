-- Version 4. The appeal against a score that is being written: it survives a power cut at any tap.

CREATE TABLE draft_appeal (
    run INTEGER PRIMARY KEY,
    component TEXT NOT NULL,
    words TEXT NOT NULL
) STRICT, WITHOUT ROWID;
