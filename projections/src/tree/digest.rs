//! What the tree means, apart from how it is kept.

use rusqlite::Connection;

use crate::digest::feed;

pub(super) fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
    [
        "SELECT ino, parent, name, mtime_ns, size, first, wanted, number FROM node ORDER BY ino",
        "SELECT id, origin, size, mtime_ns, album, sound, alike, folder, above, stem, cover, inputs \
         FROM track ORDER BY id",
        "SELECT id, origin, folder, above, stem, name, size, mtime_ns FROM sidecar ORDER BY id",
        "SELECT folder, directory, above, tracks FROM home ORDER BY folder, directory",
        "SELECT key, tracks FROM album ORDER BY key",
        "SELECT id FROM origin ORDER BY id",
        "SELECT next_directory, files, sidecars, directories, bytes, known_sidecars, template, \
         windows, duplicates FROM library",
    ]
    .iter()
    .try_for_each(|select| feed(connection, hasher, select))
}
