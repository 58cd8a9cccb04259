//! `musicfs history`.

use std::ffi::OsString;

use clap::Args;
use eventlog::{EventStore, Filter, Position, Subject};
use futures::StreamExt;

use super::context::Context;
use super::{events, track};
use crate::report::Result;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Paths in the mount or on an origin (ORIGIN:PATH), also such as are gone, or track:NUMBER
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
}

impl Arguments {
    /// Prints every event of each track, the oldest first, in the form of `musicfs events`.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(track::each(
            context,
            &self.paths,
            async |library, found, out| {
                let subject = Some(Subject::Track(found.track).to_string());
                let filter = Filter {
                    kinds: Vec::new(),
                    subject,
                };
                let mut recorded = library.log.read(Position::START, None, filter);
                while let Some(event) = recorded.next().await.transpose()? {
                    events::print(context, out, &crate::control::event(&event))?;
                }
                Ok(())
            },
        ))
    }
}
