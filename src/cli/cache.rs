//! `musicfs cache`.

mod pins;
mod places;
mod prefetch;
mod rest;
mod stats;
mod verify;

use std::ffi::OsString;

use clap::{ArgAction, Subcommand};
use proto::v1;
use serde_json::json as object;

use self::rest::AtRest;
use super::context::Context;
use crate::cache::size;
use crate::control::received;
use crate::report::Result;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Show how much of files on other machines is kept here, and what that saves
    Stats,
    /// Look whether all that is kept is sound; drops what is not
    Verify,
    /// Look whether all that is kept is sound, and fetch what is not again
    Repair,
    /// Drop what is kept
    Clear {
        /// Also what is pinned; it is fetched again, as long as it is
        #[arg(long)]
        pinned: bool,
    },
    /// Keep tracks whole on this machine: those there, and those to come
    Pin {
        /// Files or directories: paths in the mount, or from the root of the tree
        #[arg(value_name = "PATH", required_unless_present_any = ["list", "search", "collection"])]
        paths: Vec<OsString>,
        /// What a query finds, now and later
        #[arg(long, value_name = "QUERY")]
        search: Vec<String>,
        /// What a collection has, now and later
        #[arg(long, value_name = "NAME")]
        collection: Vec<String>,
        /// Show what is pinned, and what is missing of it
        #[arg(long, action = ArgAction::SetTrue, conflicts_with_all = ["paths", "search", "collection"])]
        list: bool,
    },
    /// Let tracks leave again when room is needed
    Unpin {
        /// What was pinned
        #[arg(value_name = "PATH", required_unless_present_any = ["search", "collection"])]
        paths: Vec<OsString>,
        /// The query whose results were pinned
        #[arg(long, value_name = "QUERY")]
        search: Vec<String>,
        /// The collection that was pinned
        #[arg(long, value_name = "NAME")]
        collection: Vec<String>,
    },
    /// Fetch tracks now, before they are asked for; they stay as long as there is room
    Prefetch {
        /// Files or directories: paths in the mount, or from the root of the tree
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<OsString>,
        /// Return once all of it is here, or cannot be had
        #[arg(long)]
        wait: bool,
    },
    /// Show what is pinned, and what is missing of it
    List {
        /// How many missing tracks of each pin to show
        #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::Stats => stats::run(context).await,
                Self::Verify => verify::run(context, v1::VerifyMode::Drop).await,
                Self::Repair => verify::run(context, v1::VerifyMode::Repair).await,
                Self::Clear { pinned } => clear(context, pinned).await,
                Self::Pin { list: true, .. } => pins::list(context, 20).await,
                Self::Pin {
                    paths,
                    search,
                    collection,
                    ..
                } => pins::pin(context, &pins::named(paths, search, collection)).await,
                Self::Unpin {
                    paths,
                    search,
                    collection,
                } => pins::unpin(context, &pins::named(paths, search, collection)).await,
                Self::Prefetch { paths, wait } => prefetch::run(context, &paths, wait).await,
                Self::List { limit } => pins::list(context, limit).await,
            }
        })
    }
}

async fn clear(context: &Context, pinned: bool) -> Result<()> {
    let extent = if pinned {
        v1::ClearExtent::All
    } else {
        v1::ClearExtent::Unpinned
    };
    let cleared = match context.connect_if_running().await? {
        Some(client) => {
            let request = v1::ClearCacheRequest {
                extent: extent.into(),
            };
            let answer = client.cache().clear_cache(request).await;
            answer.map_err(|status| received(&status))?.into_inner()
        }
        None => AtRest::open(context).await?.clear(pinned).await?,
    };
    let v1::ClearCacheResponse { freed_bytes, bytes } = cleared;
    let mut out = context.output();
    if context.json() {
        out.json(&object!({ "freed_bytes": freed_bytes, "bytes": bytes }))?;
    } else if !context.is_quiet() {
        let left = match bytes {
            0 => String::new(),
            bytes => format!("; {} stay: pinned, or being read", size::rough(bytes)),
        };
        out.line(format!("dropped {}{left}", size::rough(freed_bytes)))?;
    }
    out.end()
}
