-- Version 6. What is being said to the distributor, or said again of an answer: it survives a power cut at any tap.

-- ``about`` is empty for something new, else the id of what is to be looked at again.
CREATE TABLE draft_feedback (
    about TEXT PRIMARY KEY,
    draft TEXT NOT NULL
) STRICT, WITHOUT ROWID;
