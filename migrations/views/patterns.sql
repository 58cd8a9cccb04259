-- How long tracks are, as last told: what is a play depends on it. Derived from the log: may be
-- deleted at any time.
CREATE TABLE length (
    track INTEGER PRIMARY KEY,
    ms    INTEGER NOT NULL
) STRICT;

