-- Tracks, origins and tags as they now stand. Derived from the log: may be deleted at any time.

-- Origins. `spec` is NULL for one that is only named by tracks: it left, or never was added.
CREATE TABLE origin (
    num          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    spec         BLOB,
    added_at     INTEGER NOT NULL DEFAULT 0,
    listed_at    INTEGER,                      -- end of the first complete listing of the whole
    held_missing INTEGER,
    held_known   INTEGER,
    held_cause   BLOB,                         -- the scan that held them
    last_scan    BLOB,
    tracks       INTEGER NOT NULL DEFAULT 0,   -- living ones
    bytes        INTEGER NOT NULL DEFAULT 0    -- of living ones
) STRICT;

-- Directories that hold, or once held, a track or sidecar. Counts those directly in it: living tracks,
-- and sidecars.
CREATE TABLE directory (
    num      INTEGER PRIMARY KEY,
    origin   INTEGER NOT NULL,
    path     BLOB    NOT NULL,
    tracks   INTEGER NOT NULL DEFAULT 0,
    sidecars INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX directory_path ON directory (origin, path);

-- What a rescan compares, apart from what it does not: rows stay short.
CREATE TABLE track (
    id             INTEGER PRIMARY KEY,
    directory      INTEGER NOT NULL,
    name           BLOB    NOT NULL,
    living         INTEGER NOT NULL,
    size           INTEGER NOT NULL,
    mtime_ns       INTEGER NOT NULL,
    tag            TEXT,
    content        BLOB    NOT NULL,
    discovered_at  INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL,
    first_position INTEGER NOT NULL,
    last_position  INTEGER NOT NULL
) STRICT;

CREATE TABLE media (
    track INTEGER PRIMARY KEY,
    media BLOB NOT NULL
) STRICT;

-- Files beside tracks: covers, lyrics, booklets.
CREATE TABLE sidecar (
    id         INTEGER PRIMARY KEY,
    directory  INTEGER NOT NULL,
    name       BLOB    NOT NULL,
    size       INTEGER NOT NULL,
    mtime_ns   INTEGER NOT NULL,
    tag        TEXT,
    changed_at INTEGER NOT NULL
) STRICT;

-- What is pinned.
CREATE TABLE pin (
    target   TEXT    NOT NULL,     -- `path`
    value    TEXT    NOT NULL,
    added_at INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- of the event
    PRIMARY KEY (target, value)
) STRICT, WITHOUT ROWID;

-- One row: how many tracks were ever known, the highest numbers of a track and of a sidecar that an
-- event was about (0: none), and the layout in force (NULL: the default).
CREATE TABLE library (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    known      INTEGER NOT NULL,
    highest    INTEGER NOT NULL,
    highest_sidecar INTEGER NOT NULL,
    template   TEXT,
    windows    INTEGER NOT NULL,
    duplicates TEXT    NOT NULL
) STRICT;
INSERT INTO library VALUES (1, 0, 0, 0, NULL, 0, 'content');
