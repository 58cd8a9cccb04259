//! The files of `.status` (FS-10).

use std::sync::OnceLock;

use fuse::special::status::StatusSource;

use crate::control::{self, Engine};
use crate::library::Rescan;

/// What `.status` shows of the daemon.
pub(crate) struct StatusFiles {
    configuration: String,
    engine: OnceLock<Engine>,
}

impl StatusFiles {
    /// Files that are empty until there is a daemon to tell of.
    pub(crate) const fn new(configuration: String) -> Self {
        Self { configuration, engine: OnceLock::new() }
    }

    /// Shows this daemon from now on. Only the first one counts.
    pub(crate) fn serve(&self, engine: Engine) {
        drop(self.engine.set(engine));
    }
}

impl StatusSource for StatusFiles {
    fn files(&self) -> &[&'static str] {
        &["config.toml", "origins.json", "status.json", "version"]
    }

    fn render(&self, file: &str) -> Option<String> {
        let status = || self.engine.get().and_then(|engine| control::running_json(engine).ok());
        let pretty = |value: &serde_json::Value| format!("{value:#}\n");
        match file {
            "version" => Some(concat!(env!("CARGO_PKG_VERSION"), "\n").to_owned()),
            "config.toml" => Some(self.configuration.clone()),
            "status.json" => status().as_ref().map(pretty),
            "origins.json" => status().as_ref().and_then(|status| status.get("origins")).map(pretty),
            _ => None,
        }
    }

    fn rescan(&self) {
        let Some(engine) = self.engine.get() else { return };
        let library = std::sync::Arc::clone(&engine.library);
        engine.library.detached(async move {
            for (row, _) in library.origins().unwrap_or_default() {
                drop(library.rescan(&row.id, Rescan::default()).await);
            }
        });
    }
}
