//! Events as rows: the statements, and columns to values and back.

use std::borrow::Cow;
use std::sync::LazyLock;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, SqlStr, Sqlite, SqliteExecutor};

use crate::event::Recorded;
use crate::id::{CauseId, EventId, Position, Timestamp};
use crate::record::{self, Entry, Hash, Stored};
use crate::store::{Filter, StoreError};

/// Rows of one insert. More gain nothing, and make the statement large.
pub(super) const CHUNK: usize = 250;

/// Events of one page of reading.
const PAGE: usize = 1024;

/// Bytes of payload that [`PAGE`] events may have; of larger ones, a page has [`SMALL_PAGE`].
const PAGE_BYTES: usize = 8 << 20;

/// Whatever their [size](crate::wire::MAX_PAYLOAD), so few are below the 1,000,000,000 bytes that
/// SQLite takes for one value.
const SMALL_PAGE: usize = 16;

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

/// An event as one value: its texts and numbers up to a NUL, then its hashes and its payload. Each
/// value that leaves SQLite costs allocations, locks and a wake-up, and replay is made of little
/// else: so all the events of a page leave it as one. Taken apart by [`Packed`].
const PACKED: &str = "coalesce(length(payload), -1) || ' ' || position || ' ' || recorded_at \
     || ' ' || version || ' ' || coalesce(length(cause), -1) || ' ' || kind || ' ' || subject \
     || x'00' || id || payload_hash || chain || coalesce(cause, x'') || coalesce(payload, x'')";

/// The page of events after one position, up to another, that a filter lets through.
#[derive(Debug, Clone)]
pub(super) struct Select {
    sql: SqlStr,
    filter: Filter,
}

impl Select {
    pub(super) fn new(filter: Filter) -> Self {
        let index = match filter.subject {
            Some(_) => " INDEXED BY events_by_subject",
            None => "",
        };
        let mut these = format!("FROM events{index} WHERE position > ?1 AND position <= ?2");
        let mut parameters = 3..;
        let mut next = || parameters.next().unwrap_or_default();
        if filter.subject.is_some() {
            these.push_str(&format!(" AND subject = ?{}", next()));
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
            these.push_str(&format!(" AND ({})", tests.join(" OR ")));
        }
        let sql = format!(
            "SELECT count(*), coalesce(max(position), 0), CAST(group_concat(event, '') AS BLOB) \
             FROM (SELECT position, {PACKED} AS event {these} ORDER BY position LIMIT \
             (SELECT iif(sum(size) > {PAGE_BYTES}, {SMALL_PAGE}, {PAGE}) FROM \
             (SELECT length(payload) AS size {these} ORDER BY position LIMIT {PAGE})))"
        );
        Self {
            sql: AssertSqlSafe(sql).into_sql_str(),
            filter,
        }
    }

    /// The first events after a position.
    pub(super) async fn page(
        &self,
        reader: impl SqliteExecutor<'_>,
        after: u64,
        until: u64,
    ) -> Result<Page, sqlx::Error> {
        let mut query = sqlx::query(self.sql.clone())
            .bind(stored_integer(after))
            .bind(stored_integer(until));
        if let Some(subject) = &self.filter.subject {
            query = query.bind(subject.clone());
        }
        for kind in &self.filter.kinds {
            query = query.bind(kind.strip_suffix('*').unwrap_or(kind).to_owned());
        }
        let row = query.fetch_one(reader).await?;
        Ok(Page {
            count: usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default(),
            last: row.try_get::<i64, _>(1)?.unsigned_abs(),
            row,
        })
    }
}

/// SQLite's integers have a sign; no position comes near the end of them.
pub(super) fn stored_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The events of a page, as SQLite gave them.
#[derive(Debug)]
pub(super) struct Page {
    /// How many they are.
    pub(super) count: usize,
    /// The position of the last; 0 where there is none.
    pub(super) last: u64,
    row: SqliteRow,
}

impl Page {
    /// True where there may be more events behind it.
    pub(super) const fn is_full(&self) -> bool {
        matches!(self.count, PAGE | SMALL_PAGE)
    }

    /// The events, in order. Ends after one that is not what was written.
    pub(super) fn events(&self) -> impl Iterator<Item = Result<Packed<'_>, StoreError>> {
        let bytes: Result<Option<&[u8]>, _> = self.row.try_get(2);
        let mut rest = bytes.ok().flatten().unwrap_or_default();
        let mut left = self.count;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let Some((event, more)) = Packed::split_first(rest) else {
                // What follows cannot be told apart any more.
                let position = Position(self.last.saturating_sub(left as u64));
                left = 0;
                return Some(Err(StoreError::Damaged {
                    position,
                    reason: "its columns are not what was written".to_owned(),
                }));
            };
            rest = more;
            Some(Ok(event))
        })
    }
}

/// An event in a [`Page`].
#[derive(Debug)]
pub(super) struct Packed<'p> {
    pub(super) position: u64,
    recorded_at: i64,
    version: u16,
    kind: &'p str,
    subject: &'p str,
    id: [u8; 16],
    payload_hash: &'p Hash,
    chain: &'p Hash,
    cause: Option<[u8; 16]>,
    payload: Option<&'p [u8]>,
}

impl<'p> Packed<'p> {
    /// The first event of some, and the others.
    fn split_first(bytes: &'p [u8]) -> Option<(Self, &'p [u8])> {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (head, rest) = bytes.split_at_checked(end)?;
        let mut head = std::str::from_utf8(head).ok()?.splitn(7, ' ');
        let payload_length: i64 = head.next()?.parse().ok()?;
        let position = head.next()?.parse().ok()?;
        let recorded_at = head.next()?.parse().ok()?;
        let version = head.next()?.parse().ok()?;
        let cause_length: i64 = head.next()?.parse().ok()?;
        let (kind, subject) = (head.next()?, head.next()?);
        let (id, rest) = rest.get(1..)?.split_first_chunk()?;
        let (payload_hash, rest) = rest.split_first_chunk()?;
        let (chain, rest) = rest.split_first_chunk()?;
        let (cause, rest) = split_optional(rest, cause_length)?;
        let (payload, rest) = split_optional(rest, payload_length)?;
        let event = Self {
            position,
            recorded_at,
            version,
            kind,
            subject,
            id: *id,
            payload_hash,
            chain,
            cause: cause.map(TryInto::try_into).transpose().ok()?,
            payload,
        };
        Some((event, rest))
    }

    /// All columns, not checked.
    pub(super) fn stored(&self) -> Stored {
        Stored {
            position: self.position,
            entry: Entry {
                id: self.id,
                recorded_at: self.recorded_at,
                kind: Cow::Owned(self.kind.to_owned()),
                version: self.version,
                subject: self.subject.to_owned(),
                cause: self.cause,
                payload: self.payload.map(<[u8]>::to_vec),
                payload_hash: *self.payload_hash,
            },
            chain: *self.chain,
        }
    }

    /// The event, its payload checked against its hash.
    pub(super) fn recorded(&self) -> Result<Recorded, StoreError> {
        Ok(Recorded {
            position: Position(self.position),
            id: EventId(self.id),
            recorded_at: Timestamp(self.recorded_at),
            kind: self.kind.into(),
            version: self.version,
            subject: self.subject.into(),
            cause: self.cause.map(|cause| CauseId(EventId(cause))),
            body: record::body(
                self.position,
                self.kind,
                self.version,
                self.payload,
                self.payload_hash,
            )?,
        })
    }
}

/// So many bytes, or none where the length says that there is no value; and what follows.
fn split_optional(bytes: &[u8], length: i64) -> Option<(Option<&[u8]>, &[u8])> {
    match usize::try_from(length) {
        Ok(length) => bytes
            .split_at_checked(length)
            .map(|(value, rest)| (Some(value), rest)),
        Err(_) => Some((None, bytes)),
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

fn hash(bytes: &[u8]) -> Result<Hash, sqlx::Error> {
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Decode("a hash is not 32 bytes long".into()))
}
