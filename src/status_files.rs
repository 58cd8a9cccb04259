//! The files of `.status` (FS-10).

use std::sync::Arc;

use fuse::special::status::StatusSource;
use parking_lot::Mutex;

use crate::control::{self, Engine};
use crate::reload::Reloader;

/// What `.status` shows of the daemon.
pub(crate) struct StatusFiles {
    configuration: Arc<Reloader>,
    engine: Mutex<Option<Engine>>,
}

impl StatusFiles {
    /// Files that are empty until there is a daemon to tell of.
    pub(crate) const fn new(configuration: Arc<Reloader>) -> Self {
        Self {
            configuration,
            engine: Mutex::new(None),
        }
    }

    /// Shows this daemon from now on.
    pub(crate) fn serve(&self, engine: Engine) {
        *self.engine.lock() = Some(engine);
    }

    /// Lets go of the daemon: what ends with its last user can end.
    pub(crate) fn close(&self) {
        *self.engine.lock() = None;
    }

    fn engine(&self) -> Option<Engine> {
        self.engine.lock().clone()
    }
}

impl StatusSource for StatusFiles {
    fn files(&self) -> &[&'static str] {
        &[
            "config.toml",
            "metrics",
            "origins.json",
            "status.json",
            "version",
        ]
    }

    fn render(&self, file: &str) -> Option<String> {
        let status = || control::running_json(&self.engine()?).ok();
        let pretty = |value: &serde_json::Value| format!("{value:#}\n");
        match file {
            "version" => Some(concat!(env!("CARGO_PKG_VERSION"), "\n").to_owned()),
            "metrics" => control::metrics_text(&self.engine()?).ok(),
            "config.toml" => Some(self.configuration.in_force()),
            "status.json" => status().as_ref().map(pretty),
            "origins.json" => status()
                .as_ref()
                .and_then(|status| status.get("origins"))
                .map(pretty),
            _ => None,
        }
    }

    fn rescan(&self) {
        if let Some(engine) = self.engine() {
            engine.library.rescan_all();
        }
    }
}
