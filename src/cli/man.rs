//! `musicfs man`.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use crate::report::{Report, Result};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to write them, such as /usr/local/share/man/man1
    directory: PathBuf,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let failed = |error| Report::io("write manual pages to", &self.directory, &error);
        std::fs::create_dir_all(&self.directory).map_err(failed)?;
        clap_mangen::generate_to(super::definition(), &self.directory).map_err(failed)?;
        if context.is_quiet() {
            return Ok(());
        }
        let mut out = context.output();
        out.line(format!("manual pages are in {}", self.directory.display()))?;
        out.end()
    }
}
