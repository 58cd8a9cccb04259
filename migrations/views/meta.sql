-- What a view's file is, and up to where it was computed. One row, written with the view's rows.
CREATE TABLE meta (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    view     TEXT    NOT NULL,
    format   INTEGER NOT NULL,     -- of what readers rely on
    revision INTEGER NOT NULL,     -- of the code that computed it
    schema   BLOB    NOT NULL,     -- hash of its tables' definition
    position INTEGER NOT NULL,     -- of the last event applied
    event    BLOB,                 -- that event's id
    complete INTEGER NOT NULL      -- 0 while a rebuild has not caught up
) STRICT;
