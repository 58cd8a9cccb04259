-- What only readers need: a rebuild makes it at the end, which is faster than keeping it all along.

CREATE INDEX play_hour ON play ((began / 3600000000) % 24, began, track);
CREATE INDEX play_followed ON play (followed) WHERE followed IS NOT NULL;
CREATE INDEX tally_plays ON tally (plays);
CREATE INDEX tally_last ON tally (last);
