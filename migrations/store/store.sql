-- The index of the content store: which bytes are kept, where, and what they should be.
-- Bytes are in blobs, sparse files named by their number; they are on the disk before a row names them.

-- An original at one revision. Its number is that of its own blob, and is never given out again.
CREATE TABLE files (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  origin TEXT NOT NULL,
  path BLOB NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  tag TEXT NOT NULL,
  audio_offset INTEGER NOT NULL,
  audio_len INTEGER NOT NULL,
  content BLOB NOT NULL,
  checksummed INTEGER NOT NULL,
  -- Larger where it was used later; 0 for what nobody listened to.
  used INTEGER NOT NULL,
  -- 1 where its sound was taken over from an older revision, and not compared in full yet.
  presumed INTEGER NOT NULL DEFAULT 0,
  UNIQUE (origin, path, size, mtime_ns, tag)
);
CREATE INDEX files_content ON files (content);
CREATE INDEX files_used ON files (used);

-- Content-defined stretches of bytes, each kept once.
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL UNIQUE,
  blob INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  len INTEGER NOT NULL,
  sum INTEGER NOT NULL
);
CREATE INDEX chunks_blob ON chunks (blob);

-- The kept stretches of files: in a chunk, or, while a file is not whole, in its own blob.
CREATE TABLE pieces (
  file INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  len INTEGER NOT NULL,
  sum INTEGER NOT NULL,
  chunk INTEGER,
  PRIMARY KEY (file, offset)
) WITHOUT ROWID;
CREATE INDEX pieces_chunk ON pieces (chunk) WHERE chunk IS NOT NULL;

-- Stretches of blobs whose space is to be given back.
CREATE TABLE garbage (
  blob INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  len INTEGER NOT NULL
);
