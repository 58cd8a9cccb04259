//! Puts the configuration together: default, then file, then environment (CTL-7). Flags come last;
//! the commands that have them set them through [`Loaded::by_flag`].

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::collection::COLLECTION_KEYS;
use super::file::{self, Assignment, Fault, Place};
use super::keys::{self, Given, KEYS, Key};
use super::origin_keys::ORIGIN_KEYS;
use super::webhook_keys::WEBHOOK_KEYS;
use super::{CollectionConfig, Config, Env, OriginConfig, WebhookConfig};
use crate::report::{Kind, Report, Result, plain};

/// The variable that names origins: `[ID=]PATH` and `[ID=]URL` entries joined by `:`.
pub const ORIGINS_VARIABLE: &str = "MUSICFS_ORIGINS";

/// The configuration, and where each value comes from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read; `None` where there was none.
    pub file: Option<PathBuf>,
    /// False where the file could not be read, or is no TOML: nobody knows what it says.
    pub is_read: bool,
    sources: BTreeMap<&'static str, Source>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    #[default]
    Default,
    /// The file, on that line.
    File(usize),
    /// That environment variable.
    Environment(String),
    /// That flag.
    Flag(&'static str),
}

impl Loaded {
    /// Where the value of that key comes from.
    #[must_use]
    pub fn source(&self, key: &str) -> Source {
        self.sources.get(key).cloned().unwrap_or_default()
    }

    /// Notes that a flag has set a key.
    pub fn by_flag(&mut self, key: &'static str, flag: &'static str) {
        self.sources.insert(key, Source::Flag(flag));
    }
}

/// Reads the configuration.
///
/// `file` is the one that the user named; without one, the default file is read if it is there.
///
/// # Errors
/// [`Kind::Config`], naming file, line and column, or the variable: the first of what
/// [`examine`] finds.
pub fn load(file: Option<&Path>, env: Env<'_>) -> Result<Loaded> {
    let (loaded, faults) = examine(file, env);
    match faults.into_iter().next() {
        None => Ok(loaded),
        Some(fault) => Err(fault),
    }
}

/// Reads the configuration, and tells all that is wrong with it; what is wrong is as by default.
#[must_use]
pub fn examine(file: Option<&Path>, env: Env<'_>) -> (Loaded, Vec<Report>) {
    let mut loaded = Loaded {
        config: keys::defaults(env),
        file: None,
        is_read: true,
        sources: BTreeMap::new(),
    };
    let mut reports = Vec::new();
    let path = file.map_or_else(|| super::default_file(env), Path::to_owned);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let mut faults = match file::text(bytes) {
                Ok(text) => read(&text, env, &mut loaded),
                Err(fault) => {
                    loaded.is_read = false;
                    vec![fault]
                }
            };
            faults.sort_by_key(|fault| fault.place);
            reports.extend(faults.into_iter().map(|fault| report(&path, fault)));
            loaded.file = Some(path);
        }
        Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            loaded.is_read = false;
            reports.push(unreadable(&path, &error));
        }
    }
    reports.extend(environment(env, &mut loaded));
    (loaded, reports)
}

/// Takes over what a file says; returns what is wrong with it.
fn read(text: &str, env: Env<'_>, loaded: &mut Loaded) -> Vec<Fault> {
    let contents = file::parse(text);
    loaded.is_read = contents.is_toml;
    let mut faults = contents.faults;
    for assignment in contents.values {
        if let Some(key) = KEYS.iter().find(|key| key.name == assignment.key) {
            match (key.set)(&mut loaded.config, &assignment.value, env) {
                Ok(()) => {
                    let source = Source::File(assignment.place.line);
                    loaded.sources.insert(key.name, source);
                }
                Err(problem) => faults.push(wrong(&assignment, &problem)),
            }
        }
    }
    for (place, assignments) in contents.origins {
        let (origin, wrong): (OriginConfig, _) = entry(ORIGIN_KEYS, &assignments, env);
        // What is missing because it is wrong is told once.
        if wrong.is_empty() {
            faults.extend(origin.faults().iter().map(|it| fault(place, it)));
        }
        faults.extend(wrong);
        let known = &mut loaded.config.origins;
        if origin.id.is_some() && known.iter().any(|other| other.id == origin.id) {
            faults.push(fault(place, "another origin has the same id"));
        }
        known.push(origin);
        let sources = &mut loaded.sources;
        sources.entry("origins").or_insert(Source::File(place.line));
    }
    for (place, assignments) in contents.webhooks {
        let (webhook, wrong): (WebhookConfig, _) = entry(WEBHOOK_KEYS, &assignments, env);
        // What is missing because it is wrong is told once.
        if wrong.is_empty() {
            faults.extend(webhook.faults().iter().map(|it| fault(place, it)));
        }
        faults.extend(wrong);
        let known = &mut loaded.config.webhooks;
        if !webhook.name.is_empty() && known.iter().any(|other| other.name == webhook.name) {
            faults.push(fault(place, "another webhook has the same name"));
        }
        known.push(webhook);
        let sources = &mut loaded.sources;
        sources
            .entry("webhooks")
            .or_insert(Source::File(place.line));
    }
    for (place, assignments) in contents.collections {
        faults.extend(collection(place, &assignments, env, loaded));
    }
    faults
}

/// Takes over an entry of `[[collections]]`; returns what is wrong with it.
fn collection(
    place: Place,
    assignments: &[Assignment],
    env: Env<'_>,
    loaded: &mut Loaded,
) -> Vec<Fault> {
    let (collection, mut faults): (CollectionConfig, _) = entry(COLLECTION_KEYS, assignments, env);
    // What is missing because it is wrong is told once.
    if faults.is_empty() {
        faults.extend(collection.faults().iter().map(|it| fault(place, it)));
    }
    let known = &mut loaded.config.collections;
    if collection.name.is_some() && known.iter().any(|other| other.name == collection.name) {
        faults.push(fault(place, "another collection has the same name"));
    }
    known.push(collection);
    let sources = &mut loaded.sources;
    sources
        .entry("collections")
        .or_insert(Source::File(place.line));
    faults
}

/// An entry of a list of tables, and what is wrong with its values.
fn entry<T: Default>(keys: &[Key<T>], assignments: &[Assignment], env: Env<'_>) -> (T, Vec<Fault>) {
    let mut entry = T::default();
    let mut faults = Vec::new();
    for assignment in assignments {
        if let Some(key) = keys.iter().find(|key| key.name == assignment.key)
            && let Err(problem) = (key.set)(&mut entry, &assignment.value, env)
        {
            faults.push(wrong(assignment, &problem));
        }
    }
    (entry, faults)
}

/// Takes over what the environment says; returns what is wrong with it.
fn environment(env: Env<'_>, loaded: &mut Loaded) -> Vec<Report> {
    let mut reports = Vec::new();
    for key in KEYS {
        let variable = key.variable();
        let Some(text) = env(&variable) else {
            continue;
        };
        match (key.set)(&mut loaded.config, &Given::Text(text), env) {
            Ok(()) => {
                let source = Source::Environment(variable);
                loaded.sources.insert(key.name, source);
            }
            Err(problem) => {
                reports.push(Report::new(Kind::Config, format!("{variable} {problem}")));
            }
        }
    }
    if let Some(text) = env(ORIGINS_VARIABLE) {
        loaded.config.origins.clear();
        for part in parts(&text) {
            match part_of_variable(&part) {
                Ok(origin) => loaded.config.origins.push(origin),
                Err(problem) => {
                    let message = format!("{ORIGINS_VARIABLE}: {problem}");
                    reports.push(Report::new(Kind::Config, message));
                }
            }
        }
        loaded
            .sources
            .insert("origins", Source::Environment(ORIGINS_VARIABLE.to_owned()));
    }
    reports
}

/// An origin of the variable.
fn part_of_variable(part: &str) -> std::result::Result<OriginConfig, String> {
    let origin = OriginConfig::parse(OsStr::new(part))?;
    if let Some(path) = origin.root.folder().filter(|path| !path.is_absolute()) {
        return Err(format!("{} is no absolute path", path.display()));
    }
    match origin.faults().into_iter().next() {
        Some(fault) => Err(format!("{}: {fault}", origin.root)),
        None => Ok(origin),
    }
}

/// What is between the colons that join origins: an address has some of its own, before `//`, before
/// a port, and within `[]`.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(':') {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let is_port = digits > 0 && matches!(part.as_bytes().get(digits), None | Some(b'/'));
        match parts.last_mut() {
            Some(last)
                if part.starts_with("//")
                    || (is_port && last.contains("://"))
                    || (last.contains("://[") && !last.contains(']')) =>
            {
                last.push(':');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn wrong(assignment: &Assignment, problem: &str) -> Fault {
    fault(assignment.place, &format!("`{}` {problem}", assignment.key))
}

fn fault(place: Place, message: &str) -> Fault {
    Fault {
        place: Some(place),
        message: message.to_owned(),
        hint: None,
    }
}

fn report(path: &Path, fault: Fault) -> Report {
    let at = fault
        .place
        .map(|place| format!(":{}:{}", place.line, place.column))
        .unwrap_or_default();
    let report = Report::new(
        Kind::Config,
        format!("{}{at}: {}", path.display(), fault.message),
    );
    report.hint(fault.hint.unwrap_or_else(|| {
        "correct the file, then try `musicfs config check`; docs/CONFIGURATION.md explains every key".to_owned()
    }))
}

fn unreadable(path: &Path, error: &io::Error) -> Report {
    let message = format!(
        "cannot read the configuration {}: {}",
        path.display(),
        plain(error)
    );
    Report::new(Kind::Config, message)
        .hint("name another file with --config, or make one with `musicfs config init`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(file: &str, variables: &[(&str, &str)]) -> Result<Loaded> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        load(Some(&path), &|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let file = "[log]\nlevel = 'debug'\nformat = 'json'\n";
        let loaded = with(file, &[("MUSICFS_LOG_LEVEL", "trace")]).unwrap();
        assert_eq!(loaded.config.log.level, "trace");
        assert_eq!(
            loaded.source("log.level"),
            Source::Environment("MUSICFS_LOG_LEVEL".to_owned())
        );
        assert_eq!(loaded.source("log.format"), Source::File(3));
        assert_eq!(loaded.source("scan.threads"), Source::Default);
    }

    #[test]
    fn every_key_can_be_set_to_its_example_by_file_and_shown_again() {
        for key in KEYS {
            let loaded = with(
                &format!("{} = {}", key.name, key.example),
                &[("HOME", "/home/me")],
            )
            .unwrap();
            let shown = (key.get)(&loaded.config).unwrap();
            assert_eq!(shown, key.example.replace('~', "/home/me"), "{}", key.name);
        }
    }

    #[test]
    fn origins_come_from_the_file_or_the_environment() {
        let file =
            "[[origins]]\npath = '/a'\n[[origins]]\nid = 'b'\npath = '/b'\nrefresh = 'never'\n";
        assert_eq!(with(file, &[]).unwrap().config.origins.len(), 2);
        let given = "x=/x:sftp://me@nas:2022/m:/y::s3://bucket:n=https://[::1]:80/d";
        let loaded = with(file, &[(ORIGINS_VARIABLE, given)]).unwrap();
        let roots: Vec<_> = loaded
            .config
            .origins
            .iter()
            .map(|origin| origin.root.to_string())
            .collect();
        let expected = [
            "/x",
            "sftp://nas:2022/m",
            "/y",
            "s3://bucket",
            "https://[::1]:80/d/",
        ];
        assert_eq!(roots, expected);
    }

    #[test]
    fn wrong_values_are_placed() {
        let cases = [
            (
                "mountpoint = 3",
                ":1:1: `mountpoint` takes a text in quotes, not a number",
            ),
            (
                "mountpoint = 'm'",
                ":1:1: `mountpoint` \"m\" is no absolute path; write it from / or from ~/",
            ),
            (
                "[scan]\nthreads = 0",
                ":2:1: `scan.threads` takes a number from 1 to 64",
            ),
            (
                "[layout]\nnames = 'dos'",
                ":2:1: `layout.names` is \"dos\", and has to be posix or windows",
            ),
            (
                "[access]\nenabled = 'maybe'",
                ":2:1: `access.enabled` takes true or false, without quotes",
            ),
            (
                "[access]\nkeep_days = true",
                ":2:1: `access.keep_days` takes a number from 0 to 36500",
            ),
            ("[[origins]]\nid = 'a'", ":1:1: this origin has no path"),
            (
                "[[origins]]\nurl = 'sftp://nas/m'",
                ":1:1: an origin of type sftp has a user: sftp://USER@HOST/FOLDER, or `user`",
            ),
        ];
        for (file, message) in cases {
            let report = with(file, &[]).unwrap_err();
            assert!(report.message().ends_with(message), "{report}");
        }
    }
}
