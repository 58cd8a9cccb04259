//! The configuration in force, and taking over another one while the daemon runs (CTL-7).
//!
//! [`Reloader::reload`] is the one place where a new configuration is handed out: to each [`Part`],
//! in turn. A part of the daemon that can follow the configuration is one of those.

mod library;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

pub(crate) use self::library::Origins;
use crate::config::{Config, Loaded, Sources, change, check, process_env, reference};
use crate::logging::Logging;
use crate::report::{Kind, Report, Result};
use crate::systemd;

/// A part of the daemon that follows the configuration.
#[async_trait]
pub trait Part: Send + Sync {
    /// Puts in force what of `new` is this part's, and copies it to `now`, the configuration in
    /// force. What cannot be done stays as it was, in `now` too, and is told.
    async fn apply(&self, new: &Config, now: &mut Config) -> Told;
}

/// What a part tells of taking over a configuration.
#[derive(Debug, Default)]
pub struct Told {
    /// What stays as it was, and why.
    pub refused: Vec<Report>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

impl From<Result<()>> for Told {
    fn from(result: Result<()>) -> Self {
        Self {
            refused: result.err().into_iter().collect(),
            notes: Vec::new(),
        }
    }
}

/// How a reload went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Keys whose new values are in force.
    pub applied: Vec<&'static str>,
    /// Keys whose new values wait for a restart.
    pub restart: Vec<&'static str>,
    /// What stays as it was, and why.
    pub refused: Vec<Report>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// Holds the configuration in force, and reads it anew.
pub struct Reloader {
    sources: Sources,
    in_force: Mutex<InForce>,
    parts: Mutex<Vec<Arc<dyn Part>>>,
    /// One reload at a time.
    turn: tokio::sync::Mutex<()>,
}

/// The configuration that the daemon follows.
struct InForce {
    config: Config,
    /// The file that was read last; `None` where there was none.
    file: Option<PathBuf>,
}

impl Reloader {
    /// Holds the configuration that came from `sources`, where it can be read anew.
    #[must_use]
    pub fn new(sources: Sources, loaded: Loaded) -> Self {
        Self {
            sources,
            in_force: Mutex::new(InForce {
                config: loaded.config,
                file: loaded.file,
            }),
            parts: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Has a part follow the configuration from now on.
    pub fn add(&self, part: Arc<dyn Part>) {
        self.parts.lock().push(part);
    }

    /// Lets go of every part: what ends with its last user can end.
    pub fn close(&self) {
        self.parts.lock().clear();
    }

    /// The configuration in force, as a file that says the same. Holds no secret.
    pub fn in_force(&self) -> String {
        reference::in_force(&self.in_force.lock().config)
    }

    /// Reads the configuration anew, and puts in force what can be while the daemon runs. The
    /// service manager is told meanwhile.
    ///
    /// # Errors
    /// [`Kind::Config`] where it cannot be read or is wrong: all of the old one stays in force.
    pub async fn reload(&self) -> Result<Outcome> {
        let _turn = self.turn.lock().await;
        systemd::reloading();
        let outcome = self.take_over().await;
        systemd::ready();
        match &outcome {
            Ok(outcome) => log(outcome),
            Err(report) => {
                let hint = report.next_step().unwrap_or_default();
                tracing::error!(hint, "the old configuration stays in force: {report}");
            }
        }
        outcome
    }

    async fn take_over(&self) -> Result<Outcome> {
        let new = self.read().await?;
        let mut now = self.in_force.lock().config.clone();
        let changes = change::changes(&now, &new.config);
        let mut outcome = Outcome::default();
        let parts = self.parts.lock().clone();
        for part in parts {
            let told = part.apply(&new.config, &mut now).await;
            outcome.refused.extend(told.refused);
            outcome.notes.extend(told.notes);
        }
        let has_come = |name: &&str| change::is_same(name, &now, &new.config);
        outcome.applied = changes.live.into_iter().filter(has_come).collect();
        outcome.restart = changes.restart;
        *self.in_force.lock() = InForce {
            config: now,
            file: new.file,
        };
        Ok(outcome)
    }

    async fn read(&self) -> Result<Loaded> {
        let sources = self.sources.clone();
        let read = tokio::task::spawn_blocking(move || sources.read(&process_env)).await;
        let loaded = read.map_err(|error| {
            Report::new(
                Kind::Bug,
                format!("reading the configuration failed: {error}"),
            )
        })??;
        if let (Some(file), None) = (&self.in_force.lock().file, &loaded.file) {
            let message = format!("the configuration {} is gone", file.display());
            return Err(Report::new(Kind::Config, message).hint(
                "put it back, or leave an empty file there for the defaults, and reload again",
            ));
        }
        match check::problems(&loaded.config).into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(loaded),
        }
    }
}

fn log(outcome: &Outcome) {
    let Outcome {
        applied,
        restart,
        refused,
        notes,
    } = outcome;
    if !applied.is_empty() {
        tracing::info!("now in force: {}", applied.join(", "));
    }
    if !restart.is_empty() {
        tracing::warn!("takes a restart: {}", restart.join(", "));
    }
    for report in refused {
        let hint = report.next_step().unwrap_or_default();
        tracing::error!(hint, "stays as it was: {report}");
    }
    notes.iter().for_each(|note| tracing::info!("{note}"));
    if applied.is_empty() && restart.is_empty() && refused.is_empty() && notes.is_empty() {
        tracing::info!("the configuration is as it was");
    }
}

#[async_trait]
impl Part for Logging {
    async fn apply(&self, new: &Config, now: &mut Config) -> Told {
        let set = self.change(&new.log);
        if set.is_ok() {
            now.log.clone_from(&new.log);
        }
        set.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the metrics' address over, unless it is port 1.
    struct Metrics;

    #[async_trait]
    impl Part for Metrics {
        async fn apply(&self, new: &Config, now: &mut Config) -> Told {
            if new
                .metrics_listen
                .is_some_and(|address| address.port() == 1)
            {
                return Err(Report::new(Kind::Config, "port 1 is taken")).into();
            }
            now.metrics_listen = new.metrics_listen;
            Told::default()
        }
    }

    #[tokio::test]
    async fn parts_take_over_and_the_rest_waits_or_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write("scan.threads = 1\n");
        let sources = Sources {
            file: Some(file.clone()),
            ..Sources::default()
        };
        let loaded = sources.read(&process_env).unwrap();
        let reloader = Reloader::new(sources, loaded);
        reloader.add(Arc::new(Metrics));

        write("scan.threads = 2\nmetrics.listen = '127.0.0.1:9'\n");
        let outcome = reloader.reload().await.unwrap();
        assert_eq!(outcome.applied, ["metrics.listen"]);
        assert_eq!(outcome.restart, ["scan.threads"]);
        let before = reloader.in_force();
        assert!(before.contains("scan.threads = 1\n"), "{before}");
        assert!(before.contains("127.0.0.1:9\"\n"), "{before}");

        write("scan.threads = 2\nmetrics.listen = '127.0.0.1:1'\n");
        let outcome = reloader.reload().await.unwrap();
        assert!(outcome.applied.is_empty());
        assert_eq!(outcome.refused[0].message(), "port 1 is taken");
        assert_eq!(reloader.in_force(), before);

        for broken in ["scan.threads = 0\n", "layout.template = '$nothing'\n", "x"] {
            write(broken);
            let report = reloader.reload().await.unwrap_err();
            assert_eq!(report.kind(), Kind::Config);
            assert_eq!(reloader.in_force(), before);
        }
    }
}
