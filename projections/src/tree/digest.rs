//! What the tree means, apart from how it is kept.

use rusqlite::Connection;

use crate::digest::feed;

pub(super) fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
    [
        "SELECT ino, parent, name, mtime_ns, size, first, wanted, number FROM node ORDER BY ino",
        "SELECT id, origin, size, mtime_ns, album, sound, alike, inputs FROM track ORDER BY id",
        "SELECT key, tracks FROM album ORDER BY key",
        "SELECT next_directory, files, directories, bytes, template, windows, duplicates FROM library",
    ]
    .iter()
    .try_for_each(|select| feed(connection, hasher, select))
}
