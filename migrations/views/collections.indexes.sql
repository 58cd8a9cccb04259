-- What only readers need: a rebuild makes it at the end, which is faster than keeping it all along.

CREATE INDEX track_added ON track (added) WHERE living = 1;
CREATE INDEX track_date ON track (date) WHERE living = 1;
CREATE INDEX tally_plays ON tally (plays);
CREATE INDEX tally_last ON tally (last);
