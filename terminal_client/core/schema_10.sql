-- Version 10. What was published of how goods are shared, as this terminal saw it then: it is compared with the result.

-- Policy and scores as they were announced last while the windows were not over.
CREATE TABLE seen_terms (
    cycle TEXT PRIMARY KEY,
    policy_sha256 TEXT NOT NULL,
    score_version TEXT,
    seen_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The weights as they first came with the frozen book: later ones do not replace them.
CREATE TABLE seen_weights (
    cycle TEXT PRIMARY KEY,
    weights_sha256 TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
