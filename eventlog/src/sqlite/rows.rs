//! Events as rows: the statements, and columns to values and back.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr, Sqlite};

use super::fault::Fault;
use crate::id::Position;
use crate::record::{Entry, Hash, Stored};
use crate::store::{Filter, StoreError};

/// Rows of one insert. More gain nothing, and make the statement large.
pub(super) const CHUNK: usize = 250;

/// Events of one page of reading.
const PAGE: usize = 1024;

/// Bytes of payload after which a page has no more events.
const PAGE_BYTES: usize = 8 << 20;

/// The last event recorded at or before a time, or 0.
pub(super) const POSITION_AT: &str = "SELECT coalesce(max(position), 0) \
     FROM events INDEXED BY events_by_time WHERE recorded_at <= ?";

/// Where the log ends, and the first and last position that its rows have: in one statement, since
/// another process may be writing.
pub(super) const HEAD: &str = "SELECT position, chain, folded_through, \
     (SELECT min(position) FROM events), (SELECT max(position) FROM events) FROM log_head";

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

/// An insert of so many rows. The full one is kept prepared. A row that is refused takes the whole
/// transaction with it: otherwise SQLite writes every page down a second time, in case only this
/// statement were to be taken back.
fn insert(rows: usize) -> SqlStr {
    static FULL: LazyLock<SqlStr> = LazyLock::new(|| build(CHUNK));

    fn build(rows: usize) -> SqlStr {
        let row = format!("({})", ["?"; COLUMNS.len()].join(","));
        let rows = vec![row.as_str(); rows].join(",");
        let columns = COLUMNS.join(",");
        let sql = format!("INSERT OR ROLLBACK INTO events ({columns}) VALUES {rows}");
        AssertSqlSafe(sql).into_sql_str()
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

/// The page of events after one position, up to another, that a filter lets through.
#[derive(Debug)]
pub(super) struct Select {
    sql: String,
    filter: Filter,
}

/// What is said of an event that should be there.
const MISSING: &str = "the event is missing";

impl Select {
    pub(super) fn new(filter: Filter) -> Self {
        let index = match filter.subject {
            Some(_) => " INDEXED BY events_by_subject",
            None => "",
        };
        let columns = COLUMNS.join(", ");
        let mut sql =
            format!("SELECT {columns} FROM events{index} WHERE position > ?1 AND position <= ?2");
        let mut parameters = 3..;
        let mut next = || parameters.next().unwrap_or_default();
        if filter.subject.is_some() {
            sql.push_str(&format!(" AND subject = ?{}", next()));
        }
        let tests: Vec<_> = filter
            .kinds
            .iter()
            .map(|kind| (kind, next()))
            .map(|(kind, n)| match kind.ends_with('*') {
                true => format!("substr(kind, 1, length(?{n})) = ?{n}"),
                false => format!("kind = ?{n}"),
            })
            .collect();
        if !tests.is_empty() {
            sql.push_str(&format!(" AND ({})", tests.join(" OR ")));
        }
        sql.push_str(&format!(" ORDER BY position LIMIT {PAGE}"));
        Self { sql, filter }
    }

    /// The first events after a position, up to another that the log has.
    pub(super) fn page(
        &self,
        connection: &Connection,
        fault: Fault<'_>,
        after: u64,
        until: u64,
    ) -> Page {
        let mut page = Page::after(after);
        if let Err(error) = self.fill(&mut page, connection, fault, until) {
            let fault = fault.at(Position(page.last).next());
            page.events.push(Err(fault.of(error)));
        }
        page
    }

    fn fill(
        &self,
        page: &mut Page,
        connection: &Connection,
        fault: Fault<'_>,
        until: u64,
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        let mut rows = statement.query(params_from_iter(self.parameters(page.last, until)))?;
        let is_whole = self.filter.is_open();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let position = row.get::<_, i64>(0)?.unsigned_abs();
            let next = page.last + 1;
            if is_whole && position != next {
                let missing = fault.at(Position(next)).damaged(MISSING);
                page.events.push(Err(missing));
                return Ok(());
            }
            let Ok(stored) = stored(position, row) else {
                let reason = "its columns are not what was written";
                let damaged = fault.at(Position(position)).damaged(reason);
                page.events.push(Err(damaged));
                return Ok(());
            };
            bytes += stored.entry.payload.as_ref().map_or(0, Vec::len);
            page.events.push(Ok(stored));
            page.last = position;
            page.is_full = page.events.len() == PAGE || bytes >= PAGE_BYTES;
            if page.is_full {
                return Ok(());
            }
        }
        if is_whole && page.last != until {
            let missing = fault.at(Position(page.last).next()).damaged(MISSING);
            page.events.push(Err(missing));
        }
        Ok(())
    }

    fn parameters(&self, after: u64, until: u64) -> impl Iterator<Item = Value> {
        let places = [after, until].map(stored_integer).map(Value::Integer);
        let subject = self.filter.subject.iter().cloned();
        let kinds = self.filter.kinds.iter();
        let kinds = kinds.map(|kind| kind.strip_suffix('*').unwrap_or(kind).to_owned());
        let texts = subject.chain(kinds).map(Value::Text);
        places.into_iter().chain(texts)
    }
}

/// All columns of a row, not checked.
fn stored(position: u64, row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        position,
        entry: Entry {
            id: row.get(1)?,
            recorded_at: row.get(2)?,
            kind: Cow::Owned(row.get(3)?),
            version: row.get(4)?,
            subject: row.get(5)?,
            cause: row.get(6)?,
            payload: row.get(7)?,
            payload_hash: row.get(8)?,
        },
        chain: row.get(9)?,
    })
}

/// Some events, as they are stored.
#[derive(Debug)]
pub(super) struct Page {
    /// The events, in order. An error is the last.
    pub(super) events: Vec<Result<Stored, StoreError>>,
    /// The position of the last that is no error; where there is none, what they come after.
    pub(super) last: u64,
    /// True where there may be more events behind it.
    pub(super) is_full: bool,
}

impl Page {
    /// No events yet.
    const fn after(position: u64) -> Self {
        Self {
            events: Vec::new(),
            last: position,
            is_full: false,
        }
    }

    /// The error that stands in place of what comes after a position.
    pub(super) fn failed(after: u64, error: StoreError) -> Self {
        Self {
            events: vec![Err(error)],
            ..Self::after(after)
        }
    }
}

/// SQLite's integers have a sign; no position comes near the end of them.
pub(super) fn stored_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where the log ends, as it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) head: Position,
    pub(super) chain: Hash,
    pub(super) horizon: Position,
}

impl Tail {
    /// The first columns of the row of [`HEAD`]; `None` where they are not what was written.
    pub(super) fn of(position: i64, chain: &[u8], horizon: i64) -> Option<Self> {
        Some(Self {
            head: Position(position.unsigned_abs()),
            chain: chain.try_into().ok()?,
            horizon: Position(horizon.unsigned_abs()),
        })
    }
}
