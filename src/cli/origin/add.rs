//! `musicfs origin add`, and origins as the command line names them.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use proto::v1;

use super::super::context::{Context, absolute};
use super::super::output;
use super::{overheard, told};
use crate::config::{OriginConfig, OriginKind, Refresh, Root};
use crate::control::received;
use crate::patience;
use crate::report::{Kind, Report, Result};

/// What `origin add` is told.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// The folder, or the address of one on another machine (s3://, https://, sftp://, smb://), under
    /// an id of your choice or one made of its name
    #[arg(value_name = "[ID=]PATH|URL")]
    origin: OsString,
    /// Its id, in place of ID=
    #[arg(long)]
    id: Option<String>,
    /// What it is [default: what the address tells; local for a path]
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// A name for people [default: the id]
    #[arg(long)]
    name: Option<String>,
    /// When to list it again
    #[arg(long, value_parser = ["watch", "interval", "start", "never"], default_value = "watch")]
    refresh: String,
    /// Seconds between listings, where it is not watched
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    interval: u64,
    /// What else to tell of it, such as password_file=~/nas.password; docs/ORIGINS.md lists the keys
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

impl Add {
    pub(super) async fn run(self, context: &Context) -> Result<()> {
        let mut origin = given(&self.origin, "")?;
        let usage = |why: String| Report::new(Kind::Usage, why);
        if let Some(id) = self.id {
            if origin.id.is_some() {
                return Err(usage("there are two ids: ID= and --id".to_owned()));
            }
            let id = id.parse();
            origin.id = Some(id.map_err(|error| usage(format!("--id: {error}")))?);
        }
        if let Some(kind) = &self.kind {
            let known = || usage(format!("--type takes one of {}", OriginKind::names()));
            origin.kind = Some(OriginKind::from_name(kind).ok_or_else(known)?);
        }
        origin.name = self.name;
        origin.refresh = Refresh::from_name(&self.refresh).unwrap_or_default();
        origin.interval_secs = self.interval;
        for option in &self.options {
            // What is wrong may hold a secret, and is not shown.
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| usage("--option takes KEY=VALUE".to_owned()))?;
            let set = origin.set_option(key, value.to_owned());
            set.map_err(|problem| usage(format!("--option {problem}")))?;
        }
        if let Some(fault) = origin.faults().into_iter().next() {
            return Err(usage(fault).hint("docs/ORIGINS.md shows how to add each kind of origin"));
        }
        add(context, &origin).await
    }
}

async fn add(context: &Context, origin: &OriginConfig) -> Result<()> {
    // Told by whoever has the terminal: the daemon may be started elsewhere, as another user.
    if let Some(path) = origin.root.folder().filter(|_| !context.is_remote()) {
        let asked = path.to_owned();
        let found = patience::ask(move || std::fs::metadata(asked)).await;
        if let Err(error) = found.unwrap_or_else(|| Err(patience::silence())) {
            return Err(crate::preflight::unreadable(path, &error));
        }
    }
    let client = context.connect().await?;
    let request = v1::AddOriginRequest {
        id: origin
            .id
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        r#type: origin.kind().name().to_owned(),
        name: origin.name.clone().unwrap_or_default(),
        root: origin.root.to_bytes(),
        options: origin.options().into_iter().collect(),
    };
    let answer = client.origins().add_origin(request).await;
    let answer = answer.map_err(|status| received(&status))?.into_inner();
    let root = origin.root.to_string();
    told(context, "added", &answer.id, answer.position, &root)?;
    overheard(origin).iter().for_each(output::warning);
    if origin.root.folder().is_none() && !context.is_quiet() && !context.json() {
        let next = format!(
            "`musicfs origin health {}` tells whether it answers",
            answer.id
        );
        output::hint(&next);
    }
    Ok(())
}

/// An origin as the command line gives it, after `flag` and a blank where a flag has it; its path
/// is seen from the current directory.
pub(in crate::cli) fn given(text: &OsStr, flag: &str) -> Result<OriginConfig> {
    let refused = |why: String| {
        let what = format!("{flag}{}", text.display());
        let message = match what.trim_end() {
            "" => why,
            what => format!("{what}: {why}"),
        };
        Report::new(Kind::Usage, message).hint(format!("write {flag}PATH or {flag}ID=PATH"))
    };
    let mut origin = OriginConfig::parse(text).map_err(|why| {
        // The address may hold a password.
        Report::new(Kind::Usage, format!("{flag}URL {why}"))
            .hint("docs/ORIGINS.md shows how to add each kind of origin")
    })?;
    let Root::Folder(path) = &origin.root else {
        return Ok(origin);
    };
    if path.as_os_str().is_empty() {
        return Err(refused("the path is empty".to_owned()));
    }
    // A path may have an equals sign; what neither is there nor begins like one was meant as an id.
    let before = text.to_str().and_then(|text| Some(text.split_once('=')?.0));
    if let Some(id) = before.filter(|id| origin.id.is_none() && !id.contains('/'))
        && std::fs::symlink_metadata(path).is_err()
        && let Err(error) = id.parse::<eventlog::OriginId>()
    {
        return Err(refused(error.to_string()));
    }
    origin.root = Root::Folder(absolute(Path::new(path))?);
    Ok(origin)
}
