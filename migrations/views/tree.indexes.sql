-- What only readers need: a rebuild makes it at the end, which is faster than keeping it all along.

CREATE INDEX node_list ON node (parent);   -- by inode: the order of readdir
CREATE INDEX track_cover ON track (id) WHERE cover IS NOT NULL;
