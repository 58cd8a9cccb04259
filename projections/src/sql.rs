//! Statements for folds: none can fail in the fold's eyes, the first error is kept for the runner.

use rusqlite::{Connection, Params, Row};

/// A connection that remembers the first error, and does nothing after it.
pub(crate) struct Sql<'c> {
    connection: &'c Connection,
    failed: Option<rusqlite::Error>,
}

impl<'c> Sql<'c> {
    pub(crate) const fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            failed: None,
        }
    }

    /// The first row, if any.
    pub(crate) fn one<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Option<T> {
        let connection = self.connection;
        self.attempt(|| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            rows.next()?.map(read).transpose()
        })
        .flatten()
    }

    /// The first row that is the wanted one.
    pub(crate) fn find<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let connection = self.connection;
        self.attempt(|| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                let found = read(row)?;
                if is_wanted(&found) {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
        .flatten()
    }

    /// All rows.
    pub(crate) fn all<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let connection = self.connection;
        self.attempt(|| {
            connection
                .prepare_cached(sql)?
                .query_map(params, read)?
                .collect()
        })
        .unwrap_or_default()
    }

    /// Runs a statement; true where it touched a row.
    pub(crate) fn run(&mut self, sql: &str, params: impl Params) -> bool {
        let connection = self.connection;
        self.attempt(|| connection.prepare_cached(sql)?.execute(params))
            .is_some_and(|rows| rows > 0)
    }

    /// Keeps an error that was met outside SQLite, as by decoding.
    pub(crate) fn keep<T>(&mut self, result: rusqlite::Result<T>) -> Option<T> {
        self.attempt(|| result)
    }

    /// The first error, if there was one.
    pub(crate) fn finish(self) -> rusqlite::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn attempt<T>(&mut self, work: impl FnOnce() -> rusqlite::Result<T>) -> Option<T> {
        if self.failed.is_some() {
            return None;
        }
        match work() {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }
}

/// What is stored cannot be what was written.
pub(crate) fn undecodable(
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

/// True where the file itself is in doubt, not the circumstances.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, DatabaseCorrupt | NotADatabase)
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}
