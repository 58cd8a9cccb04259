//! Messages of the program about itself: where they go, how they look, and what panics say.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::panic;
use std::path::PathBuf;
use std::sync::Mutex;

use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, reload};

use crate::report::{Kind, Report, Result};

/// How messages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// What is logged, how, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,fuse=debug`.
    pub level: String,
    /// How messages look.
    pub format: Format,
    /// A file to append to; standard error if absent.
    pub file: Option<PathBuf>,
}

/// Logging, once it has been started.
pub struct Logging {
    refilter: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl Logging {
    /// Logs at another level from now on.
    ///
    /// # Errors
    /// Where the level is none; the old one stays.
    pub fn set_level(&self, level: &str) -> Result<()> {
        (self.refilter)(filter(level)?)
            .map_err(|error| Report::new(Kind::Bug, format!("logging does not answer: {error}")))
    }
}

/// What of the messages is let through at a level.
///
/// # Errors
/// [`Kind::Config`] where the level is none.
pub fn filter(level: &str) -> Result<EnvFilter> {
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Report::new(Kind::Config, format!("log.level = {level:?}: {error}"))
            .hint("use error, warn, info, debug or trace")
    })?;
    Ok(match fuse::QUIET.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    })
}

/// Starts logging, once a process. From here on a panic is logged, too.
///
/// # Errors
/// Where the level is none, or the file cannot be opened.
pub fn start(settings: &Settings) -> Result<Logging> {
    let filter = filter(&settings.level)?;
    let file: Option<File> = settings
        .file
        .as_deref()
        .map(crate::state::append_to)
        .transpose()?;
    let colour =
        file.is_none() && io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let writer = match file {
        Some(file) => BoxMakeWriter::new(Mutex::new(file)),
        None => BoxMakeWriter::new(io::stderr),
    };
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(colour);
    let (started, logging) = match settings.format {
        Format::Text => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.finish().try_init(), logging(handle))
        }
        Format::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.finish().try_init(), logging(handle))
        }
    };
    started
        .map_err(|error| Report::new(Kind::Bug, format!("logging was started twice: {error}")))?;
    log_panics();
    Ok(logging)
}

fn logging<S: 'static>(handle: reload::Handle<EnvFilter, S>) -> Logging {
    Logging {
        refilter: Box::new(move |filter| handle.reload(filter)),
    }
}

fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let backtrace = std::backtrace::Backtrace::force_capture();
        tracing::error!(%place, %backtrace, "panic: {message}");
    }));
}
