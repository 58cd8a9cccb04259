//! `musicfs probe`: asks the mount from outside the daemon, as [`crate::systemd`] needs it.

use std::path::PathBuf;

use clap::Args;

use crate::report::{Report, Result};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the library is mounted
    mountpoint: PathBuf,
}

impl Arguments {
    /// Asks for a file that the kernel never remembers, so that the daemon itself has to answer.
    pub(super) fn run(self) -> Result<()> {
        let path = self.mountpoint.join(".status/version");
        match std::fs::metadata(&path) {
            Ok(_) => Ok(()),
            Err(error) => Err(Report::io("ask", &path, &error)),
        }
    }
}
