//! The command line: one file a command. `docs/CLI.md` is its reference.

mod background;
mod cache;
mod clear_mount;
mod collection;
mod completions;
mod config;
mod context;
mod doctor;
mod events;
mod explain;
mod helper;
mod history;
mod layout;
mod library;
mod log;
mod man;
mod mount;
mod origin;
mod output;
mod place;
mod probe;
mod progress;
mod reload;
mod replay;
mod search;
mod shutdown;
mod status;
mod track;
mod webhook;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use self::context::Context;
use crate::report::{Kind, Report, Result};

/// Shows a music library as one clean folder tree, wherever the files really live.
#[derive(Debug, Parser)]
#[command(
    name = "musicfs",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
struct Global {
    /// The directory of the log, the views, the lock and the socket [default: $XDG_DATA_HOME/musicfs, else ~/.local/share/musicfs]
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
    /// The configuration file [default: $XDG_CONFIG_HOME/musicfs/config.toml, else ~/.config/musicfs/config.toml]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Ask the daemon at this address, instead of the one on this machine
    #[arg(long, value_name = "https://HOST:PORT", global = true)]
    connect: Option<String>,
    /// The file of the token that it wants [default: what MUSICFS_CONTROL_TOKEN holds]
    #[arg(long, value_name = "FILE", global = true, requires = "connect")]
    token_file: Option<PathBuf>,
    /// Certificates that it is believed by, in PEM [default: those of the system]
    #[arg(long, value_name = "FILE", global = true, requires = "connect")]
    ca: Option<PathBuf>,
    /// Print data, and errors, as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say more; twice for still more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Say less: no progress, warnings only; twice for errors only
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "verbose")]
    quiet: u8,
    /// Set by the tool itself: this process is the daemon in the background
    #[arg(long, hide = true, global = true)]
    background: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Mount the library
    Mount(mount::Arguments),
    /// Show what the daemon serves and how far it is
    Status,
    /// Show the events of the log, and follow it
    Events(events::Arguments),
    /// Find tracks by what they say about themselves
    Search(search::Arguments),
    /// Rebuild views from the log, or check that a rebuild equals them
    Replay(replay::Arguments),
    /// Verify, back up, export or import the log
    #[command(subcommand)]
    Log(log::Action),
    /// Show every event of a track
    History(history::Arguments),
    /// Explain a name in the tree: what it is made of, where the file is, what is wrong with it
    Explain(explain::Arguments),
    /// List, add, remove or rescan the folders of the library
    #[command(subcommand)]
    Origin(origin::Action),
    /// Show, verify or clear what is kept of files on other machines, and pin what is to stay
    #[command(subcommand)]
    Cache(cache::Action),
    /// Keep queries as collections: list them, make or remove one, show what one has
    #[command(subcommand)]
    Collection(collection::Action),
    /// Make, show or check the configuration
    #[command(subcommand)]
    Config(config::Action),
    /// Show, try or change the rule by which names are made
    #[command(subcommand)]
    Layout(layout::Action),
    /// List or test the webhooks, and handle what could not be delivered
    #[command(subcommand)]
    Webhook(webhook::Action),
    /// Look for what could keep MusicFS from working
    Doctor,
    /// Have the daemon read its configuration anew
    Reload,
    /// Stop the daemon and unmount
    Shutdown(shutdown::Arguments),
    /// Clear the mount that a killed daemon left; for service managers
    ClearMount(clear_mount::Arguments),
    /// Ask a mount whether it answers; for the daemon itself
    #[command(hide = true)]
    Probe(probe::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Write the manual pages
    Man(man::Arguments),
}

impl Command {
    fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Mount(arguments) => arguments.run(context),
            Self::Status => status::run(context),
            Self::Events(arguments) => arguments.run(context),
            Self::Search(arguments) => arguments.run(context),
            Self::Replay(arguments) => arguments.run(context),
            Self::Log(action) => action.run(context),
            Self::History(arguments) => arguments.run(context),
            Self::Explain(arguments) => arguments.run(context),
            Self::Origin(action) => action.run(context),
            Self::Cache(action) => action.run(context),
            Self::Collection(action) => action.run(context),
            Self::Config(action) => action.run(context),
            Self::Layout(action) => action.run(context),
            Self::Webhook(action) => action.run(context),
            Self::Doctor => doctor::run(context),
            Self::Reload => reload::run(context),
            Self::Shutdown(arguments) => arguments.run(context),
            Self::ClearMount(arguments) => arguments.run(context),
            Self::Probe(arguments) => arguments.run(),
            Self::Completions(arguments) => arguments.run(context),
            Self::Man(arguments) => arguments.run(context),
        }
    }
}

/// Runs the tool and returns its exit code (see [`Kind`](crate::report::Kind)).
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if helper::is_asked(&arguments) {
        match helper::translated(arguments.drain(1..)) {
            Ok(Some(translated)) => arguments = translated,
            Ok(None) => return 0,
            Err(report) => return failed(&report, false),
        }
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(told) if told.use_stderr() && arguments.iter().any(|it| it == "--json") => {
            return failed(&misunderstood(&told), true);
        }
        Err(told) => {
            // Help and version come this way, too, and go to standard output. Should the output be
            // closed, nobody is there to be told.
            drop(told.print());
            return u8::try_from(told.exit_code()).unwrap_or(2);
        }
    };
    let json = cli.global.json;
    let context = Context::new(cli.global, arguments.into_iter().skip(1).collect());
    let result = cli.command.run(&context);
    context.end();
    match result {
        Ok(()) => 0,
        Err(report) => failed(&report, json),
    }
}

/// What is wrong with a command line, in one line; for programs.
fn misunderstood(told: &clap::Error) -> Report {
    let text = told.render().to_string();
    let lines = text.lines().map(str::trim);
    let message: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let message = message.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    Report::new(Kind::Usage, message).hint("`musicfs COMMAND --help` explains every option")
}

/// Writes a report to standard error, and gives its exit code.
fn failed(report: &Report, json: bool) -> u8 {
    let mut stderr = std::io::stderr().lock();
    let told = if json {
        writeln!(stderr, "{}", report.to_json())
    } else {
        output::report(&mut stderr, report)
    };
    // Should standard error be closed, nobody is there to be told.
    drop(told);
    report.kind().exit_code()
}

/// The command line's definition, for completions.
fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }
}
