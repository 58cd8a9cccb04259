-- The event log. Rows are never changed, except that folding sets the payload of old access
-- events to NULL.
PRAGMA application_id = 0x4d46534c; -- "MFSL"

CREATE TABLE events (
    position     INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL, -- a UUIDv7
    recorded_at  INTEGER NOT NULL, -- microseconds since the Unix epoch, UTC
    kind         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    subject      TEXT    NOT NULL, -- library, origin:ID or track:NUMBER
    cause        BLOB,
    payload      BLOB,             -- MessagePack; NULL once folded
    payload_hash BLOB    NOT NULL, -- BLAKE3-256
    chain        BLOB    NOT NULL  -- BLAKE3-256, see record.rs
) STRICT;

CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_subject ON events (subject);
CREATE INDEX events_by_time ON events (recorded_at);
CREATE INDEX events_of_access ON events (position) WHERE kind = 'track.read';

-- Where the log ends, moved in every append: a tail that was cut off shows.
CREATE TABLE log_head (
    only           INTEGER PRIMARY KEY CHECK (only = 1),
    position       INTEGER NOT NULL,
    chain          BLOB    NOT NULL,
    folded_through INTEGER NOT NULL -- access events up to here have no payload any more
) STRICT;

INSERT INTO log_head VALUES (1, 0, zeroblob(32), 0);
