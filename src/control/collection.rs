//! What is told of collections: the same behind the RPCs and, without a daemon, behind the command.

use std::time::Duration;

use eventlog::{CollectionName, Timestamp};
use projections::collections::Query;
use proto::v1;

use super::convert;
use crate::collections::{Collection, Collections, Origin, Shown};
use crate::report::{Kind, Report, Result};

/// Tracks in an answer, unless told otherwise.
const PAGE: u32 = 50;

/// The collections.
///
/// # Errors
/// Where the views cannot be read.
pub(crate) fn list(collections: &Collections) -> Result<v1::ListCollectionsResponse> {
    let all = collections.all()?;
    Ok(v1::ListCollectionsResponse {
        collections: all.iter().map(collection).collect(),
    })
}

/// A collection, with some of its tracks as they are now.
///
/// # Errors
/// Where there is none of that name, or the views cannot be read.
pub(crate) fn get(
    collections: &Collections,
    asked: &v1::GetCollectionRequest,
) -> Result<v1::GetCollectionResponse> {
    let of = named(collections, &asked.name)?;
    let position = collections.standing()?.position;
    let tracks = match &of.query {
        Ok(query) => collections.find(query, Timestamp::now())?,
        Err(_) => Vec::new(),
    };
    let limit = if asked.limit == 0 { PAGE } else { asked.limit };
    let (offset, limit) = (asked.offset as usize, limit as usize);
    let total = tracks.len();
    let end = offset.saturating_add(limit);
    let page = tracks.into_iter().skip(offset).take(limit);
    Ok(v1::GetCollectionResponse {
        collection: Some(collection(&of)),
        total: total as u64,
        tracks: page.map(track).collect(),
        next_offset: u32::try_from(end).ok().filter(|_| end < total),
        position: position.0,
    })
}

/// The collection of that name.
///
/// # Errors
/// Where there is none.
pub(super) fn named(collections: &Collections, name: &str) -> Result<Collection> {
    let mut all = collections.all()?.into_iter();
    all.find(|it| it.name == name).ok_or_else(|| {
        Report::new(Kind::Input, format!("no collection is called {name:?}"))
            .hint("`musicfs collection list` shows those that there are")
    })
}

/// The name and the query of a collection that is to be made.
///
/// # Errors
/// Where one of them is none, or the configuration has the name.
pub(super) fn wanted(
    collections: &Collections,
    asked: &v1::DefineCollectionRequest,
) -> Result<(CollectionName, Query)> {
    let name = name(collections, &asked.name)?;
    let query = Query::parse(&asked.query).map_err(|error| {
        Report::new(Kind::Input, format!("the query, {error}"))
            .hint("docs/FINDING.md shows how queries are written")
    })?;
    // What is remembered is its usual form, which is longer.
    if Query::parse(&query.to_string()).is_err() {
        let message = format!("the query is too long, or its conditions too deep: {query}");
        return Err(Report::new(Kind::Input, message).hint("make two collections of it"));
    }
    Ok((name, query))
}

/// The name of a collection that is to be made or removed.
///
/// # Errors
/// Where it is none, or the configuration has it.
pub(super) fn name(collections: &Collections, name: &str) -> Result<CollectionName> {
    if collections.is_configured(name) {
        let message = format!("the configuration names the collection {name:?}");
        return Err(Report::new(Kind::Config, message)
            .hint("change its entry of `[[collections]]` there, then `musicfs reload`"));
    }
    let parsed: Result<CollectionName, _> = name.parse();
    parsed.map_err(|error| Report::new(Kind::Input, error.to_string()))
}

/// A collection, as it is told.
pub(super) fn collection(of: &Collection) -> v1::Collection {
    let (source, since) = match of.origin {
        Origin::BuiltIn => (v1::CollectionSource::BuiltIn, None),
        Origin::Configured => (v1::CollectionSource::Configuration, None),
        Origin::Defined(since) => (v1::CollectionSource::Defined, Some(since)),
    };
    let problem = of.query.as_ref().err().map(ToString::to_string);
    v1::Collection {
        name: of.name.clone(),
        source: source.into(),
        query: of.definition.clone(),
        directory: of.directory.clone(),
        since: since.map(convert::time),
        problem: problem.unwrap_or_default(),
    }
}

fn track(shown: Shown) -> v1::CollectionTrack {
    let length = shown.length_ms.map(Duration::from_millis);
    v1::CollectionTrack {
        track: shown.track.0,
        path: shown.path,
        artist: shown.artist,
        title: shown.title,
        duration: length.map(convert::duration),
    }
}
