//! `musicfs collection`.

use clap::Subcommand;
use projections::Views;
use proto::v1;
use proto::v1::pin_target::Target;
use serde_json::json as object;

use super::context::Context;
use super::library::Opened;
use super::output::hint;
use crate::collections::Collections;
use crate::control::{collection, json, received};
use crate::report::Result;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make a collection, or have one be something else: a directory and a playlist in `.collections`
    Add {
        /// What it is called
        name: String,
        /// What it has, such as 'genre:jazz AND year:[1960 TO 1969] SORT added DESC LIMIT 100'
        query: String,
    },
    /// Remove a collection that was made so; its tracks stay
    Remove {
        /// What it is called
        name: String,
    },
    /// Show which collections there are
    List,
    /// Show the paths of the tracks that a collection has now
    Show {
        /// What it is called
        name: String,
        /// How many tracks at most
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// From which place on
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        offset: u32,
    },
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::Add { name, query } => add(context, name, query).await,
                Self::Remove { name } => remove(context, name).await,
                Self::List => list(context).await,
                Self::Show {
                    name,
                    limit,
                    offset,
                } => {
                    let asked = v1::GetCollectionRequest {
                        name,
                        offset,
                        limit,
                    };
                    show(context, asked).await
                }
            }
        })
    }
}

async fn add(context: &Context, name: String, query: String) -> Result<()> {
    let client = context.connect().await?;
    let request = v1::DefineCollectionRequest { name, query };
    let answer = client.collections().define_collection(request).await;
    let answer = answer.map_err(|status| received(&status))?.into_inner();
    let made = answer.collection.unwrap_or_default();
    let mut out = context.output();
    if context.json() {
        let position = (answer.position > 0).then_some(answer.position);
        out.json(&object!({ "position": position, "collection": json::collection(&made) }))?;
    } else if !context.is_quiet() {
        let place = format!(".collections/{}", made.directory);
        out.line(match answer.position {
            0 => format!("{} is that already; see {place}", made.name),
            _ => format!("{} is in {place}: {}", made.name, made.query),
        })?;
    }
    out.end()
}

async fn remove(context: &Context, name: String) -> Result<()> {
    let client = context.connect().await?;
    let request = v1::RemoveCollectionRequest { name: name.clone() };
    let answer = client.collections().remove_collection(request).await;
    let position = answer
        .map_err(|status| received(&status))?
        .into_inner()
        .position;
    let mut out = context.output();
    if context.json() {
        out.json(&object!({ "position": position, "name": name }))?;
    } else if !context.is_quiet() {
        out.line(format!("{name} is removed; its tracks stay"))?;
    }
    out.end()?;
    let target = Some(Target::Collection(name.clone()));
    let request = v1::ListPinsRequest {
        target: Some(v1::PinTarget { target }),
        limit: 1,
    };
    if client.cache().list_pins(request).await.is_ok() && !context.is_quiet() {
        hint(&format!(
            "it is pinned still: `musicfs cache unpin --collection {name:?}` ends that"
        ));
    }
    Ok(())
}

async fn list(context: &Context) -> Result<()> {
    let all = match context.connect_if_running().await? {
        Some(client) => {
            let asked = v1::ListCollectionsRequest {};
            let answer = client.collections().list_collections(asked).await;
            answer.map_err(|status| received(&status))?.into_inner()
        }
        None => at_rest(context, collection::list).await?,
    };
    let mut out = context.output();
    if context.json() {
        out.json(&json::collections(&all))?;
        return out.end();
    }
    let row = |of: &v1::Collection| {
        let source = match of.source() {
            v1::CollectionSource::Configuration => "configuration",
            v1::CollectionSource::Defined => "made by command",
            _ => "always there",
        };
        let query = match of.problem.as_str() {
            "" => of.query.clone(),
            problem => format!("{}  ({problem})", of.query),
        };
        [of.name.clone(), source.to_owned(), query]
    };
    let rows: Vec<_> = all.collections.iter().map(row).collect();
    out.table(&rows)?;
    out.end()
}

async fn show(context: &Context, asked: v1::GetCollectionRequest) -> Result<()> {
    let got = match context.connect_if_running().await? {
        Some(client) => {
            let answer = client.collections().get_collection(asked).await;
            answer.map_err(|status| received(&status))?.into_inner()
        }
        None => at_rest(context, move |all| collection::get(all, &asked)).await?,
    };
    let mut out = context.output();
    if context.json() {
        out.json(&json::collection_tracks(&got))?;
        return out.end();
    }
    for track in &got.tracks {
        out.line(&track.path)?;
    }
    out.end()?;
    if let Some(next) = got.next_offset {
        let total = got.total;
        hint(&format!(
            "it has {total} tracks; `--offset {next}` shows more"
        ));
    }
    Ok(())
}

/// Reads the views as they were left.
async fn at_rest<T>(context: &Context, read: impl FnOnce(&Collections) -> Result<T>) -> Result<T> {
    let state = context.state()?;
    let reader = Views::open_collections(&state.views_dir())?;
    let Opened { catalog, tree, .. } = Opened::at(&state).await?;
    let configured = context.config()?.config.collections;
    read(&Collections::new(reader, catalog, tree, configured))
}
