//! `musicfs config`.

use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use futures::future::join_all;
use serde_json::{Value, json};

use super::context::Context;
use super::output;
use crate::config::keys::KEYS;
use crate::config::{self, Loaded, OriginConfig, Source, id_for, process_env, reference};
use crate::control::tcp;
use crate::library::target;
use crate::patience;
use crate::preflight::unreadable;
use crate::report::{Kind, Report, Result};
use crate::webhooks::Endpoint;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Write a configuration file in which every key is explained
    Init {
        /// Print it instead
        #[arg(long)]
        print: bool,
    },
    /// Show every value in force, and where it comes from
    Show,
    /// Check the configuration
    Check {
        /// The file [default: the one in use]
        file: Option<PathBuf>,
    },
    /// Print the reference of all keys, in Markdown
    #[command(hide = true)]
    Reference,
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Init { print: true } => print(context, &reference::template()),
            Self::Init { print: false } => init(context),
            Self::Show => show(context),
            Self::Check { file } => check(context, file.as_deref()),
            Self::Reference => print(context, &reference::markdown()),
        }
    }
}

fn print(context: &Context, text: &str) -> Result<()> {
    let mut out = context.output();
    out.text(text)?;
    out.end()
}

fn init(context: &Context) -> Result<()> {
    let path = context
        .config_file()
        .map_or_else(|| config::default_file(&process_env), Path::to_owned);
    let written = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::File::create_new(&path)?.write_all(reference::template().as_bytes())
    };
    match written() {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("there is a configuration in {} already", path.display());
            let hint = "edit that one, or see `musicfs config init --print`";
            return Err(Report::new(Kind::Config, message).hint(hint));
        }
        Err(error) => return Err(Report::io("write the configuration", &path, &error)),
    }
    let mut out = context.output();
    if context.json() {
        out.json(&json!({ "file": path.to_string_lossy() }))?;
    } else {
        out.line(format!("wrote {}", path.display()))?;
    }
    out.end()
}

fn show(context: &Context) -> Result<()> {
    context.only_here()?;
    let loaded = context.config()?;
    let mut rows: Vec<(&str, Option<String>, Source)> = KEYS
        .iter()
        .map(|key| (key.name, (key.get)(&loaded.config), loaded.source(key.name)))
        .collect();
    let origins: Vec<String> = loaded
        .config
        .origins
        .iter()
        .map(config::OriginConfig::to_toml)
        .collect();
    rows.push((
        "origins",
        Some(format!("[{}]", origins.join(", "))),
        loaded.source("origins"),
    ));
    let webhooks = loaded.config.webhooks.iter();
    let webhooks: Vec<String> = webhooks.map(config::WebhookConfig::to_toml).collect();
    rows.push((
        "webhooks",
        Some(format!("[{}]", webhooks.join(", "))),
        loaded.source("webhooks"),
    ));
    let collections = loaded.config.collections.iter();
    let collections: Vec<String> = collections.map(config::CollectionConfig::to_toml).collect();
    rows.push((
        "collections",
        Some(format!("[{}]", collections.join(", "))),
        loaded.source("collections"),
    ));
    let mut out = context.output();
    if context.json() {
        let values: serde_json::Map<String, Value> = rows
            .into_iter()
            .map(|(name, value, source)| {
                let value = value.as_deref().map_or(Value::Null, as_json);
                (
                    name.to_owned(),
                    json!({ "value": value, "source": named(&loaded, &source) }),
                )
            })
            .collect();
        out.json(&Value::Object(values))?;
    } else {
        for (name, value, source) in rows {
            let value = value.unwrap_or_else(|| "(none)".to_owned());
            out.line(format!("{name} = {value}  # {}", named(&loaded, &source)))?;
        }
    }
    out.end()
}

/// A value written as TOML, as JSON.
fn as_json(toml: &str) -> Value {
    let table: Option<toml::Table> = format!("value = {toml}").parse().ok();
    table
        .and_then(|table| serde_json::to_value(table.get("value")?).ok())
        .unwrap_or_default()
}

fn named(loaded: &Loaded, source: &Source) -> String {
    match source {
        Source::Default => "default".to_owned(),
        Source::File(line) => {
            let file = loaded.file.as_deref().unwrap_or(Path::new(""));
            format!("{}:{line}", file.display())
        }
        Source::Environment(variable) => variable.clone(),
        Source::Flag(flag) => (*flag).to_owned(),
    }
}

/// Reads it as every command does, and looks at what it names. Tells all that is wrong.
fn check(context: &Context, file: Option<&Path>) -> Result<()> {
    let (loaded, mut wrong) = config::examine(file.or(context.config_file()), &process_env);
    let config = &loaded.config;
    wrong.extend(config::check::problems(config));
    wrong.extend(tcp::check(&config.control).err());
    if let Err(report) = super::mount::options(&config.mount_options) {
        let message = format!("mount.options: {}", report.message());
        let hint = report.next_step().unwrap_or_default();
        wrong.push(Report::new(Kind::Config, message).hint(hint));
    }
    let mountpoint = config.mountpoint.as_deref().unwrap_or(Path::new("/"));
    // One that is incomplete was told of already.
    for webhook in config.webhooks.iter().filter(|it| it.faults().is_empty()) {
        wrong.extend(Endpoint::of(webhook, mountpoint, &process_env).err());
    }
    context.fail(wrong)?;
    // A disk may come later, so this is no error.
    let asked = config.origins.iter().map(amiss);
    let answers = context.runtime()?.block_on(async { join_all(asked).await });
    let overheard = config.origins.iter().filter_map(super::origin::overheard);
    let warnings: Vec<Report> = answers.into_iter().flatten().chain(overheard).collect();
    let mut out = context.output();
    let file = loaded
        .file
        .as_deref()
        .map(|file| file.display().to_string());
    if context.json() {
        let warnings: Vec<&str> = warnings.iter().map(Report::message).collect();
        out.json(&json!({ "file": file, "ok": true, "warnings": warnings }))?;
    } else {
        warnings.iter().for_each(output::warning);
        out.line(file.map_or_else(
            || "no configuration file; the defaults are fine".to_owned(),
            |file| format!("{file} is fine"),
        ))?;
    }
    out.end()
}

/// What is wrong with an origin for now: a folder is looked at; of another machine, nobody asks.
async fn amiss(origin: &OriginConfig) -> Option<Report> {
    if let Some(path) = origin.root.folder() {
        let asked = path.to_owned();
        let answer = patience::ask(move || std::fs::read_dir(asked).map(drop)).await;
        let error = answer.unwrap_or_else(|| Err(patience::silence())).err()?;
        return Some(unreadable(path, &error));
    }
    let id = origin.id.clone();
    let spec = origin.spec(&id.unwrap_or_else(|| id_for(&origin.root.last_part(), |_| false)));
    let answer = patience::ask(move || target(&spec, &process_env).map(drop)).await;
    let problem = match answer {
        Some(answer) => answer.err()?.message,
        None => patience::silence().to_string(),
    };
    let message = format!("the origin {} cannot be reached: {problem}", origin.root);
    let hint = "looked at with the environment of this command; the daemon may have another one";
    Some(Report::new(Kind::Origin, message).hint(hint))
}
