-- Virtual directories and names. Derived from the log: may be deleted at any time.

-- Inodes: root 1, tracks 2·track + 1, sidecars 2⁴⁴ + 2·sidecar + 1, directories even numbers that are
-- never reused.
CREATE TABLE node (
    ino      INTEGER PRIMARY KEY,
    parent   INTEGER NOT NULL,     -- the root's is itself
    name     TEXT    NOT NULL,
    slot     INTEGER NOT NULL,     -- hash of what is equal in names that collide
    mtime_ns INTEGER NOT NULL,
    size     INTEGER NOT NULL,     -- bytes of a file, subdirectories of a directory
    first    INTEGER,              -- where spelling may differ: the lowest living track in it
    kin      INTEGER,              -- of a numbered file: class of the names it competes with
    wanted   TEXT,                 -- of a numbered file: its name without the number
    number   INTEGER               -- of a numbered file: the number, from 2 on
) STRICT;
CREATE INDEX node_slot ON node (parent, slot);
CREATE INDEX node_numbered ON node (parent, kin, wanted, number) WHERE kin IS NOT NULL;
CREATE INDEX node_first ON node (parent, first) WHERE first IS NOT NULL;

-- Living tracks: what their names are made of.
CREATE TABLE track (
    id       INTEGER PRIMARY KEY,
    origin   TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    album    INTEGER,              -- hash of the album, where the track has a disc number
    sound    INTEGER,              -- hash of the sound, where there is any
    alike    INTEGER,              -- hash of what tracks that may be shown as one have in common
    folder   INTEGER NOT NULL,     -- hash of the folder on its origin
    above    INTEGER,              -- hash of the folder that one is in
    stem     INTEGER NOT NULL,     -- hash of its file's name without the extension
    cover    INTEGER,              -- bytes of the picture that it carries
    inputs   BLOB    NOT NULL
) STRICT;
CREATE INDEX track_album ON track (album) WHERE album IS NOT NULL;
CREATE INDEX track_alike ON track (alike, origin) WHERE alike IS NOT NULL;
CREATE INDEX track_folder ON track (folder, stem);

-- Origins that have living tracks, or once had some.
CREATE TABLE origin (
    id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Files beside tracks, shown or not. Where they are, as of tracks.
CREATE TABLE sidecar (
    id       INTEGER PRIMARY KEY,
    origin   TEXT    NOT NULL,
    folder   INTEGER NOT NULL,
    above    INTEGER,
    stem     INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX sidecar_folder ON sidecar (folder, stem);
CREATE INDEX sidecar_above ON sidecar (above) WHERE above IS NOT NULL;

-- How many tracks of a folder each directory shows.
CREATE TABLE home (
    folder    INTEGER NOT NULL,
    directory INTEGER NOT NULL,
    above     INTEGER,
    tracks    INTEGER NOT NULL,
    PRIMARY KEY (folder, directory)
) STRICT, WITHOUT ROWID;
CREATE INDEX home_above ON home (above, directory) WHERE above IS NOT NULL;

-- Albums with living tracks that tell of several discs.
CREATE TABLE album (
    key    INTEGER PRIMARY KEY,
    tracks INTEGER NOT NULL
) STRICT;

-- One row: counts, the next directory's inode, how many sidecars are known, the layout in force (NULL:
-- the default).
CREATE TABLE library (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    next_directory INTEGER NOT NULL,
    files          INTEGER NOT NULL,
    sidecars       INTEGER NOT NULL,   -- shown
    directories    INTEGER NOT NULL,   -- with the root
    bytes          INTEGER NOT NULL,
    known_sidecars INTEGER NOT NULL,
    template       TEXT,
    windows        INTEGER NOT NULL,
    duplicates     TEXT    NOT NULL
) STRICT;
INSERT INTO library VALUES (1, 2, 0, 0, 1, 0, 0, NULL, 0, 'content');
INSERT INTO node (ino, parent, name, slot, mtime_ns, size) VALUES (1, 1, '', 0, 0, 0);
