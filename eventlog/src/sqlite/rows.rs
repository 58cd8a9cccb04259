//! Events as rows: the statements, and columns to values and back.

use std::borrow::Cow;
use std::sync::LazyLock;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, SqlStr, Sqlite};

use crate::event::Recorded;
use crate::id::{CauseId, EventId, Position, Timestamp};
use crate::record::{self, Entry, Hash, Stored};
use crate::store::{Filter, StoreError};

/// Rows of one insert. More gain nothing, and make the statement large.
pub(super) const CHUNK: usize = 250;

/// Rows of one page of reading.
pub(super) const PAGE: usize = 1024;

/// The last event recorded at or before a time, or 0.
pub(super) const POSITION_AT: &str = "SELECT coalesce(max(position), 0) \
     FROM events INDEXED BY events_by_time WHERE recorded_at <= ?";

/// Where the log ends.
pub(super) const HEAD: &str = "SELECT position, chain, folded_through FROM log_head";

const COLUMNS: [&str; 10] = [
    "position",
    "id",
    "recorded_at",
    "kind",
    "version",
    "subject",
    "cause",
    "payload",
    "payload_hash",
    "chain",
];

/// An insert of so many rows. The full one is kept prepared.
fn insert(rows: usize) -> SqlStr {
    static FULL: LazyLock<SqlStr> = LazyLock::new(|| build(CHUNK));

    fn build(rows: usize) -> SqlStr {
        let row = format!("({})", ["?"; COLUMNS.len()].join(","));
        let rows = vec![row.as_str(); rows].join(",");
        let columns = COLUMNS.join(",");
        AssertSqlSafe(format!("INSERT INTO events ({columns}) VALUES {rows}")).into_sql_str()
    }

    if rows == CHUNK {
        FULL.clone()
    } else {
        build(rows)
    }
}

/// A statement with its values.
pub(super) type Statement = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// The insert of up to [`CHUNK`] events.
pub(super) fn insertion(chunk: Vec<Stored>) -> Statement {
    let count = chunk.len();
    let mut query = sqlx::query(insert(count)).persistent(count == CHUNK || count == 1);
    for Stored {
        position,
        entry,
        chain,
    } in chunk
    {
        query = query
            .bind(stored_integer(position))
            .bind(entry.id.to_vec())
            .bind(entry.recorded_at)
            .bind(entry.kind)
            .bind(i64::from(entry.version))
            .bind(entry.subject)
            .bind(entry.cause.map(|cause| cause.to_vec()))
            .bind(entry.payload)
            .bind(entry.payload_hash.to_vec())
            .bind(chain.to_vec());
    }
    query
}

/// Which columns a reader needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// What makes an event, for [`recorded`].
    Event,
    /// All there are, for [`stored`].
    Everything,
}

/// Position, payload, and all else in one value: each value costs allocations and locks on its
/// way out of SQLite, and replay is made of little else. Taken apart by [`Header`].
const PACKED: &str = "position, payload, CAST(id || payload_hash \
     || CASE WHEN cause IS NULL THEN x'00' ELSE x'01' || cause END \
     || recorded_at || ' ' || version || ' ' || kind || ' ' || subject AS BLOB)";

/// The page of events after one position, up to another, that a filter lets through.
#[derive(Debug, Clone)]
pub(super) struct Select {
    sql: SqlStr,
    filter: Filter,
}

impl Select {
    pub(super) fn new(want: Want, filter: Filter) -> Self {
        let columns = match want {
            Want::Event => PACKED.to_owned(),
            Want::Everything => COLUMNS.join(","),
        };
        let mut sql = format!("SELECT {columns} FROM events");
        if filter.subject.is_some() {
            sql.push_str(" INDEXED BY events_by_subject");
        }
        sql.push_str(" WHERE position > ? AND position <= ?");
        if filter.subject.is_some() {
            sql.push_str(" AND subject = ?");
        }
        if !filter.kinds.is_empty() {
            let tests = filter
                .kinds
                .iter()
                .map(|kind| match kind.strip_suffix('*') {
                    Some(_) => "substr(kind, 1, length(?)) = ?",
                    None => "kind = ?",
                });
            sql.push_str(&format!(
                " AND ({})",
                tests.collect::<Vec<_>>().join(" OR ")
            ));
        }
        sql.push_str(" ORDER BY position LIMIT ?");
        Self {
            sql: AssertSqlSafe(sql).into_sql_str(),
            filter,
        }
    }

    pub(super) fn page(&self, after: u64, until: u64) -> Statement {
        let mut query = sqlx::query(self.sql.clone())
            .bind(stored_integer(after))
            .bind(stored_integer(until));
        if let Some(subject) = &self.filter.subject {
            query = query.bind(subject.clone());
        }
        for kind in &self.filter.kinds {
            query = match kind.strip_suffix('*') {
                Some(prefix) => query.bind(prefix.to_owned()).bind(prefix.to_owned()),
                None => query.bind(kind.clone()),
            };
        }
        query.bind(stored_integer(PAGE as u64))
    }
}

/// SQLite's integers have a sign; no position comes near the end of them.
pub(super) fn stored_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A row's position.
pub(super) fn position(row: &SqliteRow) -> u64 {
    row.try_get_unchecked::<i64, _>(0)
        .map_or(0, i64::unsigned_abs)
}

fn id(bytes: &[u8]) -> Result<[u8; 16], sqlx::Error> {
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Decode("an id is not 16 bytes long".into()))
}

fn hash(bytes: &[u8]) -> Result<Hash, sqlx::Error> {
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Decode("a hash is not 32 bytes long".into()))
}

/// All columns of a row of [`Select`] for [`Want::Everything`].
pub(super) fn stored(row: &SqliteRow) -> Result<Stored, StoreError> {
    let columns = || {
        Ok(Stored {
            position: position(row),
            entry: Entry {
                id: id(row.try_get(1)?)?,
                recorded_at: row.try_get(2)?,
                kind: Cow::Owned(row.try_get(3)?),
                version: row.try_get(4)?,
                subject: row.try_get(5)?,
                cause: row.try_get::<Option<&[u8]>, _>(6)?.map(id).transpose()?,
                payload: row.try_get(7)?,
                payload_hash: hash(row.try_get(8)?)?,
            },
            chain: hash(row.try_get(9)?)?,
        })
    };
    columns().map_err(|error| bad_row(row, &error))
}

/// The third column of [`PACKED`].
struct Header<'r> {
    id: [u8; 16],
    payload_hash: &'r [u8],
    cause: Option<[u8; 16]>,
    recorded_at: i64,
    version: u16,
    kind: &'r str,
    subject: &'r str,
}

impl<'r> Header<'r> {
    fn parse(packed: &'r [u8]) -> Option<Self> {
        let (id, rest) = packed.split_first_chunk::<16>()?;
        let (payload_hash, rest) = rest.split_at_checked(32)?;
        let (cause, rest) = match rest.split_first()? {
            (0, rest) => (None, rest),
            (_, rest) => rest
                .split_first_chunk::<16>()
                .map(|(cause, rest)| (Some(*cause), rest))?,
        };
        let mut texts = std::str::from_utf8(rest).ok()?.splitn(4, ' ');
        Some(Self {
            id: *id,
            payload_hash,
            cause,
            recorded_at: texts.next()?.parse().ok()?,
            version: texts.next()?.parse().ok()?,
            kind: texts.next()?,
            subject: texts.next()?,
        })
    }
}

/// The event in a row of [`Select`] for [`Want::Event`].
pub(super) fn recorded(row: &SqliteRow) -> Result<Recorded, StoreError> {
    let position = position(row);
    let columns = || Ok((row.try_get_unchecked(1)?, row.try_get_unchecked(2)?));
    let (payload, packed): (Option<&[u8]>, &[u8]) =
        columns().map_err(|error| bad_row(row, &error))?;
    let header = Header::parse(packed).ok_or_else(|| {
        bad_row(
            row,
            &sqlx::Error::Decode("its columns are not what was written".into()),
        )
    })?;
    let Header {
        id,
        payload_hash,
        cause,
        recorded_at,
        version,
        kind,
        subject,
    } = header;
    Ok(Recorded {
        position: Position(position),
        id: EventId(id),
        recorded_at: Timestamp(recorded_at),
        kind: kind.into(),
        version,
        subject: subject.into(),
        cause: cause.map(|cause| CauseId(EventId(cause))),
        body: record::body(position, kind, version, payload, payload_hash)?,
    })
}

fn bad_row(row: &SqliteRow, error: &sqlx::Error) -> StoreError {
    StoreError::Damaged {
        position: Position(position(row)),
        reason: error.to_string(),
    }
}

/// Where the log ends, as it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) head: Position,
    pub(super) chain: Hash,
    pub(super) horizon: Position,
}

/// The row of [`HEAD`].
pub(super) fn tail(row: &SqliteRow) -> Result<Tail, sqlx::Error> {
    let place = |index: usize| {
        row.try_get::<i64, _>(index)
            .map(|at| Position(at.unsigned_abs()))
    };
    Ok(Tail {
        head: place(0)?,
        chain: hash(row.try_get(1)?)?,
        horizon: place(2)?,
    })
}
