//! `musicfs history`.

use std::ffi::OsString;

use clap::Args;
use eventlog::{EventStore, Filter, Position, Subject};
use futures::StreamExt;

use super::context::Context;
use super::library::Opened;
use super::{events, track};
use crate::report::Result;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A path in the mount or on an origin, also one that is gone, or track:NUMBER
    path: OsString,
}

impl Arguments {
    /// Prints every event of a track, the oldest first, in the form of `musicfs events`.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            let library = Opened::at(&context.state()?).await?;
            let found = track::find(context, &library, &self.path).await?;
            let subject = Some(Subject::Track(found.track).to_string());
            let mut out = context.output();
            let filter = Filter {
                kinds: Vec::new(),
                subject,
            };
            let mut recorded = library.log.read(Position::START, None, filter);
            while let Some(event) = recorded.next().await.transpose()? {
                events::print(context, &mut out, &crate::control::event(&event))?;
            }
            out.end()
        })
    }
}
