//! What SQLite says, sorted by who must act.

use std::path::Path;

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

    pub(super) fn of(self, error: sqlx::Error) -> StoreError {
        match primary_code(&error) {
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

pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::CONSTRAINT)
}

pub(super) fn is_interrupt(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::INTERRUPT)
}

pub(super) fn is_full(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(code::FULL)
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
