//! What a view means, in 32 bytes, however its file is laid out.

use std::fmt;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// BLAKE3 over a view's rows in a fixed order. Equal digests: equal views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// Hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Feeds the rows of a query, which says their order, to the hasher: each value with its type and
/// length, each row and the whole with a mark at the end, so that no two results feed the same.
pub(crate) fn feed(
    connection: &Connection,
    hasher: &mut blake3::Hasher,
    select: &str,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(select)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut buffer = Vec::with_capacity(1 << 16);
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            put(&mut buffer, row.get_ref(column)?);
        }
        buffer.push(b'.');
        if buffer.len() > 1 << 15 {
            hasher.update(&buffer);
            buffer.clear();
        }
    }
    buffer.push(b'!');
    hasher.update(&buffer);
    Ok(())
}

fn put(buffer: &mut Vec<u8>, value: ValueRef<'_>) {
    let mut bytes = |mark: u8, bytes: &[u8]| {
        buffer.push(mark);
        buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        buffer.extend_from_slice(bytes);
    };
    match value {
        ValueRef::Null => buffer.push(b'0'),
        ValueRef::Text(text) => bytes(b't', text),
        ValueRef::Blob(blob) => bytes(b'b', blob),
        ValueRef::Integer(number) => {
            buffer.push(b'i');
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            buffer.push(b'r');
            buffer.extend_from_slice(&number.to_le_bytes());
        }
    }
}
