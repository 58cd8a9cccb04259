-- What only readers need: a rebuild makes it at the end, which is faster than keeping it all along.

CREATE INDEX track_path ON track (directory, name);
CREATE INDEX sidecar_path ON sidecar (directory, name);
CREATE INDEX track_content ON track (content);
