//! What SQLite says, sorted by who must act.

use std::path::Path;

use super::readers::ReadError;
use crate::id::Position;
use crate::store::StoreError;

/// Primary result codes of SQLite (<https://sqlite.org/rescode.html>).
mod code {
    pub(super) const INTERRUPT: u32 = 9;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CONSTRAINT: u32 = 19;
    pub(super) const NOT_A_DATABASE: u32 = 26;
}

/// Turns errors of one action on one file into the store's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault<'p> {
    path: &'p Path,
    action: &'static str,
    /// The first position that is in doubt where the file turns out damaged.
    position: Position,
}

impl<'p> Fault<'p> {
    pub(super) const fn new(path: &'p Path, action: &'static str) -> Self {
        Self {
            path,
            action,
            position: Position(1),
        }
    }

    pub(super) const fn at(self, position: Position) -> Self {
        Self { position, ..self }
    }

    pub(super) fn of(self, error: impl Refusal) -> StoreError {
        match error.primary_code() {
            Some(code::FULL) => StoreError::DiskFull {
                path: self.path.display().to_string(),
            },
            Some(code::CORRUPT | code::NOT_A_DATABASE) => self.damaged(&error.to_string()),
            _ => self.backend(error),
        }
    }

    pub(super) fn backend(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        let path = self.path.display().to_string();
        StoreError::Backend {
            action: self.action,
            path,
            source: source.into(),
        }
    }

    pub(super) fn damaged(self, reason: &str) -> StoreError {
        StoreError::Damaged {
            position: self.position,
            reason: reason.to_owned(),
        }
    }

    pub(super) fn io(self, error: std::io::Error) -> StoreError {
        match error.kind() {
            std::io::ErrorKind::StorageFull => StoreError::DiskFull {
                path: self.path.display().to_string(),
            },
            _ => self.backend(error),
        }
    }
}

/// An error of what stands between us and SQLite.
pub(super) trait Refusal: std::error::Error + Send + Sync + 'static {
    /// SQLite's own code, where it is SQLite's.
    fn primary_code(&self) -> Option<u32>;
}

impl Refusal for sqlx::Error {
    fn primary_code(&self) -> Option<u32> {
        let extended: u32 = self.as_database_error()?.code()?.parse().ok()?;
        Some(extended & 0xff)
    }
}

impl Refusal for ReadError {
    fn primary_code(&self) -> Option<u32> {
        match self {
            Self::Sqlite(error) => error.primary_code(),
            Self::Closed | Self::Thread(_) => None,
        }
    }
}

impl Refusal for rusqlite::Error {
    fn primary_code(&self) -> Option<u32> {
        let extended = self.sqlite_error()?.extended_code;
        Some(extended.unsigned_abs() & 0xff)
    }
}

pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    error.primary_code() == Some(code::CONSTRAINT)
}

pub(super) fn is_interrupt(error: &sqlx::Error) -> bool {
    error.primary_code() == Some(code::INTERRUPT)
}

pub(super) fn is_full(error: &sqlx::Error) -> bool {
    error.primary_code() == Some(code::FULL)
}
