//! `musicfs completions`.

use clap::Args;
use clap_complete::Shell;

use super::context::Context;
use crate::report::Result;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut super::definition(), "musicfs", &mut text);
        let mut out = context.output();
        out.text(&String::from_utf8_lossy(&text))?;
        out.end()
    }
}
