//! The log as JSON Lines (LOG-6).

use std::io::Write;
use std::pin::pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::read;
use super::readers::Readers;
use crate::event::Body;
use crate::id::{CauseId, EventId, Position, Timestamp};
use crate::record::{Entry, Hash, Stored};
use crate::store::{Filter, StoreError};
use crate::wire;

/// One line of an export: all columns, exactly.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    position: u64,
    id: String,
    /// RFC 3339, to the microsecond that is stored.
    recorded_at: String,
    kind: String,
    version: u16,
    subject: String,
    cause: Option<String>,
    /// Base64; null once folded.
    payload: Option<String>,
    payload_hash: String,
    chain: String,
    /// What the payload says, for people; not read on import.
    data: Option<Value>,
}

impl Line {
    fn new(stored: &Stored, body: &Body) -> Self {
        let Stored {
            position,
            entry,
            chain,
        } = stored;
        Self {
            position: *position,
            id: EventId(entry.id).to_string(),
            recorded_at: Timestamp(entry.recorded_at).to_string(),
            kind: entry.kind.to_string(),
            version: entry.version,
            subject: entry.subject.clone(),
            cause: entry.cause.map(|cause| CauseId(EventId(cause)).to_string()),
            payload: entry
                .payload
                .as_ref()
                .map(|payload| STANDARD.encode(payload)),
            payload_hash: wire::hex(&entry.payload_hash),
            chain: wire::hex(chain),
            data: match body {
                Body::Known(event) => Some(wire::data(event)),
                Body::Unknown | Body::Folded => None,
            },
        }
    }

    /// The columns that the line stands for, not yet checked against their hashes.
    pub(super) fn into_stored(self) -> Result<Stored, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let id: EventId = self.id.parse().map_err(|error| text(&error))?;
        let recorded_at: Timestamp = self.recorded_at.parse().map_err(|error| text(&error))?;
        let cause = self.cause.map(|cause| cause.parse::<CauseId>()).transpose();
        let payload = self
            .payload
            .map(|payload| STANDARD.decode(payload))
            .transpose();
        Ok(Stored {
            position: self.position,
            entry: Entry {
                id: id.0,
                recorded_at: recorded_at.0,
                kind: self.kind.into(),
                version: self.version,
                subject: self.subject,
                cause: cause.map_err(|error| text(&error))?.map(|cause| cause.0.0),
                payload: payload.map_err(|error| text(&error))?,
                payload_hash: unhex(&self.payload_hash)?,
            },
            chain: unhex(&self.chain)?,
        })
    }
}

fn unhex(text: &str) -> Result<Hash, String> {
    let mut hash = Hash::default();
    let digits = |index: usize| text.get(2 * index..2 * index + 2);
    for (index, byte) in hash.iter_mut().enumerate() {
        let digits = digits(index).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        *byte = value
            .filter(|_| text.len() == 64)
            .ok_or("a hash is not 64 hex digits")?;
    }
    Ok(hash)
}

pub(super) async fn export(
    readers: &Readers,
    head: Position,
    mut to: impl Write + Send,
    mut progress: impl FnMut(Position, Position) + Send,
) -> Result<Position, StoreError> {
    let fault = Fault::new(readers.path(), "export");
    let mut done = Position::START;
    let mut pages = pin!(read::pages(readers, done, head, Filter::default()));
    while let Some(page) = pages.next().await {
        for event in page.events {
            let stored = event?;
            let body = stored.body()?;
            serde_json::to_writer(&mut to, &Line::new(&stored, &body))
                .map_err(std::io::Error::from)
                .and_then(|()| to.write_all(b"\n"))
                .map_err(|error| fault.backend(error))?;
            done = Position(stored.position);
        }
        progress(done, head);
    }
    to.flush().map_err(|error| fault.backend(error))?;
    Ok(done)
}
