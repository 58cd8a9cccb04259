//! What the catalog means, apart from how it is kept: the numbers given to origins and directories,
//! and those of them that stand empty, mean nothing.

use rusqlite::Connection;

use crate::digest::feed;

pub(super) fn digest(connection: &Connection, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
    [
        "SELECT id, spec, added_at, listed_at, held_missing, held_known, held_cause, last_scan, \
         tracks, bytes FROM origin ORDER BY id",
        "SELECT origin.id, directory.path, directory.tracks, directory.sidecars FROM directory \
         JOIN origin ON origin.num = directory.origin \
         WHERE directory.tracks > 0 OR directory.sidecars > 0 ORDER BY origin.id, directory.path",
        "SELECT track.id, origin.id, directory.path, track.name, track.living, track.size, \
         track.mtime_ns, track.tag, track.content, track.discovered_at, track.changed_at, \
         track.first_position, track.last_position, media.media FROM track \
         JOIN directory ON directory.num = track.directory \
         JOIN origin ON origin.num = directory.origin \
         LEFT JOIN media ON media.track = track.id ORDER BY track.id",
        "SELECT known, highest, highest_sidecar, template, windows, duplicates FROM library",
        "SELECT sidecar.id, origin.id, directory.path, sidecar.name, sidecar.size, \
         sidecar.mtime_ns, sidecar.tag, sidecar.changed_at FROM sidecar \
         JOIN directory ON directory.num = sidecar.directory \
         JOIN origin ON origin.num = directory.origin ORDER BY sidecar.id",
        "SELECT target, value, added_at, position FROM pin ORDER BY target, value",
    ]
    .iter()
    .try_for_each(|select| feed(connection, hasher, select))
}
