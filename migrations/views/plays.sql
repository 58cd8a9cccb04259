-- Plays, as far as the log tells of them one by one.
CREATE TABLE play (
    position INTEGER PRIMARY KEY,  -- of the event
    track    INTEGER NOT NULL,
    reader   TEXT,                 -- the program; NULL where it is not told
    began    INTEGER NOT NULL,     -- microseconds since the Unix epoch
    ended    INTEGER NOT NULL,
    followed INTEGER               -- the position of the play that it came after
) STRICT;
CREATE INDEX play_track ON play (track);
CREATE INDEX play_reader ON play (reader, position);

-- Plays of each track that has any: all of them, and those among them that the log tells only in sums.
CREATE TABLE tally (
    track        INTEGER PRIMARY KEY,
    plays        INTEGER NOT NULL,
    first        INTEGER NOT NULL,     -- ends of plays, microseconds since the Unix epoch
    last         INTEGER NOT NULL,
    folded_plays INTEGER NOT NULL,
    folded_first INTEGER NOT NULL,     -- 0 where there are none
    folded_last  INTEGER NOT NULL
) STRICT;
