-- What collections find. Derived from the log: may be deleted at any time.

-- Every track ever known, with what conditions look at. Texts are words in small letters without
-- accents: 0x1F before and after each value, a blank around each word; empty where there is none.
CREATE TABLE track (
    id           INTEGER PRIMARY KEY,
    living       INTEGER NOT NULL,
    added        INTEGER NOT NULL,     -- first seen, microseconds since the Unix epoch
    date         INTEGER,              -- YYYYMMDD, zeros for what is not told
    disc         INTEGER,
    number       INTEGER,
    rating       INTEGER,              -- tenths of a star
    length_ms    INTEGER,
    origin       TEXT    NOT NULL,
    genre        TEXT    NOT NULL,
    artist       TEXT    NOT NULL,
    albumartist  TEXT    NOT NULL,
    album        TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    composer     TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    tags         TEXT    NOT NULL,     -- 0x1E, a name, and its text, tag after tag; 0x1E at the end
    shown_artist TEXT,                 -- for people
    shown_title  TEXT
) STRICT;
CREATE INDEX track_origin ON track (origin);

-- What was defined, and by which event.
CREATE TABLE collection (
    name       TEXT    PRIMARY KEY,
    definition TEXT    NOT NULL,
    defined_at INTEGER NOT NULL,
    position   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

