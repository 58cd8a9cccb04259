//! `musicfs clear-mount`: what a service manager runs once a daemon is gone (UP-4).

use std::path::PathBuf;

use clap::Args;
use fuse::mountpoint::{self, State};
use serde_json::json;

use super::context::{Context, absolute};
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the library was mounted [default: `mountpoint` of the configuration]
    mountpoint: Option<PathBuf>,
}

impl Arguments {
    /// Takes away a mount of ours whose process is gone; anything else stays as it is. Under the
    /// lock, so that the mount of a daemon that is just starting is not taken for a dead one.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let path = match self.mountpoint {
            Some(path) => absolute(&path)?,
            None => context.config()?.config.mountpoint.ok_or_else(|| {
                Report::new(Kind::Usage, "there is no MOUNTPOINT")
                    .hint("give one, or set `mountpoint` in the configuration")
            })?,
        };
        let _lock = Lock::acquire(&context.state()?)?;
        let stale = matches!(mountpoint::state(&path)?, State::Stale(_));
        if stale {
            mountpoint::clear_stale(&path)?;
        }
        let mut out = context.output();
        if context.json() {
            out.json(&json!({ "mountpoint": path.to_string_lossy(), "cleared": stale }))?;
        } else if !context.is_quiet() {
            let found = if stale {
                "cleared what a killed daemon left at"
            } else {
                "no daemon left anything at"
            };
            out.line(format!("{found} {}", path.display()))?;
        }
        out.end()
    }
}
