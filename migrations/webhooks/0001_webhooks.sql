-- How far the webhooks got, and what could not be delivered. Not a view: no log tells it.
PRAGMA application_id = 0x4d465748; -- "MFWH"

CREATE TABLE endpoint (
    name     TEXT    PRIMARY KEY,
    position INTEGER NOT NULL, -- the last event that is delivered, put aside or not asked for
    event    BLOB              -- the id of that event: another there tells of another log; NULL before the first
) STRICT;

CREATE TABLE dead_letter (
    id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
    endpoint  TEXT    NOT NULL,
    position  INTEGER NOT NULL, -- the event, or the last of those behind the folders
    event     BLOB,             -- the id of that event
    folders   TEXT,             -- JSON; NULL where it is the event itself that was to be sent
    attempts  INTEGER NOT NULL,
    problem   TEXT    NOT NULL,
    parked_at INTEGER NOT NULL  -- microseconds since the Unix epoch, UTC
) STRICT;

CREATE INDEX dead_letter_by_endpoint ON dead_letter (endpoint, id);
