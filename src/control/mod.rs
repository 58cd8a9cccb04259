//! The control plane: gRPC on a Unix socket that only the daemon's owner can open.

mod address;
pub(crate) mod cache;
mod cache_service;
mod client;
pub(crate) mod collection;
mod collection_service;
mod control_service;
mod convert;
mod deadline;
mod event_service;
pub mod feed;
pub mod http;
pub mod json;
mod layout_service;
mod metrics;
mod origin_service;
mod prefetch;
mod problem;
pub mod replay;
mod search_service;
mod server;
mod socket;
mod status;
pub mod tcp;
mod view_service;
mod webhook_service;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use eventlog::EventStore;
use fuse::operations::Timings;
use projections::Views;
use tokio_util::sync::CancellationToken;

pub use self::client::{Client, Connection, Credentials, Remote};
pub use self::convert::{event, time};
pub(crate) use self::metrics::text as metrics_text;
pub use self::problem::received;
pub use self::server::{Listening, listen};
pub use self::status::{running_json, stopped};
use crate::access::Recorder;
use crate::library::Library;
use crate::reload::Reloader;
use crate::resources::Resources;
use crate::supervise::Supervisor;
use crate::webhooks::Webhooks;
use crate::writer::LogWriter;

/// What the control plane shows and moves: the running daemon. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// What is kept of files on other machines.
    pub content: content::Store,
    /// Why nothing is kept, though it should be.
    pub(crate) cache_problem: Option<Arc<str>>,
    /// Bytes a day to compare what samples of files said.
    pub verify_budget: u64,
    /// What is pinned.
    pub(crate) pins: Arc<crate::cache::pins::Pins>,
    /// What is fetched before it is asked for.
    pub(crate) prefetch: Arc<crate::prefetch::Prefetch>,
    /// Opens files.
    pub(crate) sources: crate::originals::Sources,
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// Who appends to it.
    pub writer: Arc<LogWriter>,
    /// The views.
    pub views: Arc<Views>,
    /// The index that tracks are found by.
    pub search: Arc<search::Search>,
    /// Collections.
    pub(crate) collections: crate::collections::Collections,
    /// The origins.
    pub library: Arc<Library>,
    /// The background tasks.
    pub supervisor: Supervisor,
    /// Who is told of events over HTTP.
    pub webhooks: Webhooks,
    /// Where the library is mounted.
    pub mountpoint: PathBuf,
    /// When the daemon started.
    pub started: Instant,
    /// What the mount counts.
    pub mount: Arc<dyn MountFigures>,
    /// Who records reads, where that is wanted.
    pub recorder: Option<Arc<Recorder>>,
    /// What the daemon uses of the machine.
    pub resources: Arc<Resources>,
    /// The configuration in force.
    pub reloader: Arc<Reloader>,
    /// Cancelled to stop the daemon in order; by a signal, the RPC, or a lost mount.
    pub shutdown: CancellationToken,
}

/// Figures of a mount.
pub trait MountFigures: Send + Sync {
    /// Files open now.
    fn open_handles(&self) -> u64;

    /// Requests of the kernel answered so far, kind by kind.
    fn timings(&self) -> Vec<Timings>;
}
