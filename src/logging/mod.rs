//! Messages of the program about itself: where they go, how they look, and what panics say (CTL-8).

mod journal;
mod record;
mod redact;
mod rotate;

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventlog::Timestamp;
use parking_lot::Mutex;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use self::journal::Journal;
use self::record::Record;
use self::rotate::Rotating;
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

/// Where messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// To the file that is named; else to the journal, where a service manager has put standard
    /// error there; else to standard error, or in the background to a file in the state directory.
    #[default]
    Auto,
    /// To standard error.
    Stderr,
    /// To the file that is named, else to the one in the state directory.
    File,
    /// To the system's journal.
    Journal,
}

/// What is logged, how, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,fuse=debug`.
    pub level: String,
    /// How messages look; in the journal, fields are fields.
    pub format: Format,
    /// Where they go.
    pub target: Target,
    /// The file to append to.
    pub file: Option<PathBuf>,
    /// Size in MB at which it is put aside; 0 for never.
    pub rotate_mb: u64,
    /// How many of those put aside are kept.
    pub keep: u32,
    /// Paths are left out.
    pub redact_paths: bool,
}

/// The file that stands in where a file is wanted, and none is named.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Its path; messages of a process in the background go there.
    pub file: PathBuf,
    /// True for a process in the background.
    pub background: bool,
}

/// Logging, once it has been started.
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    outlet: Arc<Mutex<Outlet>>,
    surroundings: Surroundings,
}

impl Logging {
    /// Logs so from now on. Files are opened anew, so that one that was moved away is let go.
    ///
    /// # Errors
    /// What cannot be; everything then stays as it was.
    pub fn change(&self, settings: &Settings) -> Result<()> {
        let filter = filter(&settings.level)?;
        let outlet = Outlet::open(settings, &self.surroundings)?;
        self.filter
            .reload(filter)
            .map_err(|error| Report::new(Kind::Bug, format!("logging does not answer: {error}")))?;
        *self.outlet.lock() = outlet;
        Ok(())
    }
}

/// What of the messages is let through at a level.
///
/// # Errors
/// [`Kind::Config`] where the level is none.
pub fn filter(level: &str) -> Result<EnvFilter> {
    let refused = |why: String| {
        Report::new(Kind::Config, format!("log.level = {level:?}: {why}"))
            .hint("use error, warn, info, debug or trace")
    };
    // To the library a word that is no level names a part of the program: `warning` would let nothing
    // through but what a part of that name says.
    let words = level.split(',').map(str::trim);
    for word in words.filter(|word| !word.is_empty() && !word.contains(['=', '['])) {
        if word.parse::<LevelFilter>().is_err() {
            return Err(refused(format!("{word:?} is no level")));
        }
    }
    let filter = EnvFilter::try_new(level).map_err(|error| refused(error.to_string()))?;
    Ok(match fuse::QUIET.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    })
}

/// Starts logging, once a process. From here on a panic is logged, too.
///
/// # Errors
/// Where the level is none, the file cannot be opened, or there is no journal.
pub fn start(settings: &Settings, surroundings: Surroundings) -> Result<Logging> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let outlet = Arc::new(Mutex::new(Outlet::open(settings, &surroundings)?));
    tracing_subscriber::registry()
        .with(filter)
        .with(Messages(Arc::clone(&outlet)))
        .try_init()
        .map_err(|error| Report::new(Kind::Bug, format!("logging was started twice: {error}")))?;
    log_panics();
    Ok(Logging {
        filter: handle,
        outlet,
        surroundings,
    })
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

/// Hands every message that is let through on to the outlet.
struct Messages(Arc<Mutex<Outlet>>);

impl<S: Subscriber> Layer<S> for Messages {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let redact = self.0.lock().redact;
        // Not under the lock: a value may have something to say itself when it is shown.
        let record = Record::of(event, redact);
        // Where a message cannot be written, there is nowhere left to say so.
        drop(self.0.lock().write(&record));
    }
}

/// Where messages come out, and how they look there.
struct Outlet {
    format: Format,
    redact: bool,
    to: To,
}

enum To {
    Stderr { colour: bool },
    File(Rotating),
    Journal(Journal),
}

impl Outlet {
    fn open(settings: &Settings, surroundings: &Surroundings) -> Result<Self> {
        let to = match destination(settings, surroundings, journal::is_stderr()) {
            Destination::Stderr => To::Stderr {
                colour: io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            },
            Destination::File(path) => {
                let limit = settings.rotate_mb.saturating_mul(1_000_000);
                To::File(Rotating::open(path, limit, settings.keep)?)
            }
            Destination::Journal => To::Journal(Journal::open(Path::new(journal::SOCKET))?),
        };
        Ok(Self {
            format: settings.format,
            redact: settings.redact_paths,
            to,
        })
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let colour = matches!(self.to, To::Stderr { colour: true });
        let line = match self.format {
            Format::Text => record.text(Timestamp::now(), colour),
            Format::Json => record.json(Timestamp::now()),
        };
        match &mut self.to {
            To::Stderr { .. } => io::stderr().write_all(line.as_bytes()),
            To::File(file) => file.write(&line),
            To::Journal(journal) => journal.write(record),
        }
    }
}

/// Where messages are to go.
#[derive(Debug, PartialEq, Eq)]
enum Destination<'a> {
    Stderr,
    File(&'a Path),
    Journal,
}

/// Decides where messages go; `journal` where standard error is the journal already.
fn destination<'a>(
    settings: &'a Settings,
    surroundings: &'a Surroundings,
    journal: bool,
) -> Destination<'a> {
    let default = Destination::File(&surroundings.file);
    match (settings.target, settings.file.as_deref()) {
        (Target::Stderr, _) => Destination::Stderr,
        (Target::Journal, _) => Destination::Journal,
        (Target::File | Target::Auto, Some(file)) => Destination::File(file),
        (Target::File, None) => default,
        (Target::Auto, None) if journal => Destination::Journal,
        (Target::Auto, None) if surroundings.background => default,
        (Target::Auto, None) => Destination::Stderr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_five_or_directives() {
        for level in [
            "error",
            "WARN",
            "trace",
            "info,fuse=debug",
            "fuse=debug, info",
            "off",
        ] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["warning", "verbose", "info,loud", "fuse=loud"] {
            let report = filter(level).unwrap_err();
            assert_eq!(report.kind(), Kind::Config, "{level}");
        }
    }

    #[test]
    fn messages_go_where_they_are_wanted() {
        let settings = |target, file: Option<&str>| Settings {
            target,
            file: file.map(PathBuf::from),
            ..Settings::default()
        };
        let near = |background| Surroundings {
            file: "/state/musicfs.log".into(),
            background,
        };
        let (own, named) = (
            || Destination::File(Path::new("/state/musicfs.log")),
            || Destination::File(Path::new("/f")),
        );
        let cases = [
            (Target::Auto, None, false, false, Destination::Stderr),
            (Target::Auto, None, true, false, own()),
            (Target::Auto, None, false, true, Destination::Journal),
            (Target::Auto, Some("/f"), true, true, named()),
            (Target::File, None, false, true, own()),
            (Target::File, Some("/f"), false, false, named()),
            (Target::Stderr, Some("/f"), true, true, Destination::Stderr),
            (
                Target::Journal,
                Some("/f"),
                false,
                false,
                Destination::Journal,
            ),
        ];
        for (target, file, background, journal, expected) in cases {
            let (settings, near) = (settings(target, file), near(background));
            assert_eq!(destination(&settings, &near, journal), expected);
        }
    }
}
