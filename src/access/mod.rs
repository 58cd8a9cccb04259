//! Reads of tracks as events (CTL-4), and their retention (LOG-6).

mod ledger;
mod recorder;
pub mod retention;

use std::sync::Arc;

use fuse::Filesystem;

pub(crate) use self::ledger::{LONG, REOPEN};
pub use self::recorder::{Figures, Recorder};
use crate::supervise::Supervisor;
use crate::writer::LogWriter;

/// What is recorded of reads, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether they are recorded.
    pub enabled: bool,
    /// Whether they name the program that read.
    pub process_names: bool,
    /// After how many days those that name a track are folded; never where 0.
    pub keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            process_names: true,
            keep_days: 0,
        }
    }
}

/// Who records reads, where that is wanted.
#[must_use]
pub fn recorder(settings: &Settings, writer: &Arc<LogWriter>) -> Option<Arc<Recorder>> {
    let recorder = || Recorder::new(Arc::clone(writer), settings.process_names);
    settings.enabled.then(recorder).map(Arc::new)
}

/// Starts what records the reads of a filesystem, and what folds old ones.
pub fn start(
    settings: &Settings,
    recorder: Option<&Arc<Recorder>>,
    writer: &Arc<LogWriter>,
    filesystem: &Arc<Filesystem>,
    supervisor: &Supervisor,
) {
    let stop = supervisor.stop();
    if let Some(recorder) = recorder.map(Arc::clone) {
        let (filesystem, told) = (Arc::clone(filesystem), stop.clone());
        supervisor.spawn("reads".to_owned(), stop.clone(), move || {
            let (recorder, filesystem) = (Arc::clone(&recorder), Arc::clone(&filesystem));
            let stop = told.clone();
            async move {
                let open = || {
                    let open = filesystem.being_read().into_iter();
                    open.map(|(key, reading)| (key, reading.since)).collect()
                };
                recorder.run(open, stop).await;
            }
        });
    }
    if settings.keep_days > 0 {
        let (writer, days, told) = (Arc::clone(writer), settings.keep_days, stop.clone());
        supervisor.spawn("retention".to_owned(), stop.clone(), move || {
            retention::run(Arc::clone(&writer), days, told.clone())
        });
    }
}
