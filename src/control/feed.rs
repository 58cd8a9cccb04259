//! Events as a reader asked for them: the same behind the RPC and, without a daemon, behind the
//! command (LOG-3, CTL-2).

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use eventlog::{
    Event, EventStore, Filter, OriginId, Position, Recorded, StoreError, Subject, Timestamp,
    TrackId,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::CatalogReader;
use proto::v1;
use proto::v1::subscribe_events_request::From;

use super::convert;
use crate::report::{Kind, Report, Result};

/// Tracks whose origin a reader keeps in mind; at most a few MB.
const REMEMBERED: usize = 50_000;

/// The events that a request asks for, in the order of the log. Where one does not tell itself which
/// file it is about, `catalog` does: the one that the track has now, or had last.
///
/// # Errors
/// [`Kind::Input`] where the log knows no such origin; where the log cannot be read.
pub async fn events(
    store: Arc<dyn EventStore>,
    catalog: Option<CatalogReader>,
    request: v1::SubscribeEventsRequest,
) -> Result<BoxStream<'static, Result<v1::Event>>> {
    let mut origin = match request.origin.as_str() {
        "" => None,
        id => Some(OfOrigins::known(Arc::clone(&store), id).await?),
    };
    let after = after(&*store, request.from.as_ref()).await?;
    let filter = Filter {
        kinds: request.types,
        subject: None,
    };
    let events = if request.follow {
        eventlog::subscribe(store, after, filter)
    } else {
        existing(store, after, filter)
    };
    let wanted = async_stream::try_stream! {
        let mut events = pin!(events);
        while let Some(recorded) = events.next().await {
            let recorded = recorded?;
            let wanted = match &mut origin {
                Some(origin) => origin.lets(&recorded).await?,
                None => true,
            };
            if wanted {
                let mut event = convert::event(&recorded);
                if let Some(catalog) = &catalog {
                    complete(&mut event, catalog);
                }
                yield event;
            }
        }
    };
    Ok(wanted.boxed())
}

/// Adds the origin and the path that an event of a track leaves out. A catalog that is behind, or
/// cannot be read, adds nothing.
pub(crate) fn complete(event: &mut v1::Event, catalog: &CatalogReader) {
    if event.track == 0 || !(event.origin.is_empty() || event.path.is_empty()) {
        return;
    }
    if let Ok(Some(locator)) = catalog.locator(TrackId(event.track)) {
        event.origin = locator.origin.to_string();
        if event.path.is_empty() {
            event.path = locator.path.as_bytes().to_vec();
        }
    }
}

/// The position behind which a stream begins.
async fn after(store: &dyn EventStore, from: Option<&From>) -> Result<Position> {
    match from {
        None | Some(From::Now(false)) => Ok(Position::START),
        Some(From::Position(position)) => Ok(Position(position.saturating_sub(1))),
        Some(From::Time(time)) => {
            let time = convert::timestamp(time)?;
            let before = Timestamp(time.0.saturating_sub(1));
            Ok(store.position_at(before).await?)
        }
        Some(From::Now(true)) => Ok(store.head()),
    }
}

/// The events that the log has by now.
fn existing(
    store: Arc<dyn EventStore>,
    after: Position,
    filter: Filter,
) -> BoxStream<'static, Result<Recorded, StoreError>> {
    async_stream::stream! {
        let mut events = store.read(after, None, filter);
        while let Some(event) = events.next().await {
            yield event;
        }
    }
    .boxed()
}

/// Lets the events of some origins and their tracks through.
pub(crate) struct OfOrigins {
    origins: Vec<OriginId>,
    store: Arc<dyn EventStore>,
    /// Whether tracks met lately belong to them.
    tracks: HashMap<TrackId, bool>,
}

impl OfOrigins {
    /// Those of these origins, whether or not they are there yet.
    pub(crate) fn new(store: Arc<dyn EventStore>, origins: Vec<OriginId>) -> Self {
        Self {
            origins,
            store,
            tracks: HashMap::new(),
        }
    }

    /// Refuses an origin that never was, so that nobody waits for it in vain.
    async fn known(store: Arc<dyn EventStore>, id: &str) -> Result<Self> {
        let origin: OriginId = id
            .parse()
            .map_err(|error| Report::new(Kind::Input, format!("{error}")))?;
        let filter = about(&Subject::Origin(origin.clone()));
        let first = store.read(Position::START, None, filter).next().await;
        match first.transpose()? {
            Some(_) => Ok(Self::new(store, vec![origin])),
            None => Err(
                Report::new(Kind::Input, format!("there never was an origin {origin}"))
                    .hint("`musicfs origin list` shows those that there are"),
            ),
        }
    }

    /// True for an event of theirs.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub(crate) async fn lets(&mut self, recorded: &Recorded) -> Result<bool, StoreError> {
        match recorded.subject.parse() {
            Ok(Subject::Origin(origin)) => Ok(self.origins.contains(&origin)),
            Ok(Subject::Track(track)) => self.has(track, recorded).await,
            Ok(subject @ Subject::Sidecar(_)) => self.has_sidecar(&subject, recorded).await,
            Ok(Subject::Library | Subject::Collection(_)) | Err(_) => Ok(false),
        }
    }

    /// Most events of a track do not tell its origin: the one that brought it there does.
    async fn has(&mut self, track: TrackId, recorded: &Recorded) -> Result<bool, StoreError> {
        let told = recorded.event().and_then(appearance);
        let has = match (told, self.tracks.get(&track)) {
            (Some(origin), _) => self.origins.contains(origin),
            (None, Some(has)) => return Ok(*has),
            (None, None) => self.look_up(track, recorded).await?,
        };
        if self.tracks.len() >= REMEMBERED {
            self.tracks.clear();
        }
        self.tracks.insert(track, has);
        Ok(has)
    }

    /// A sidecar stays on the origin that it was found on.
    async fn has_sidecar(
        &self,
        sidecar: &Subject,
        recorded: &Recorded,
    ) -> Result<bool, StoreError> {
        let found = |event: &Event| match event {
            Event::SidecarFound { locator, .. } => Some(self.origins.contains(&locator.origin)),
            _ => None,
        };
        if let Some(has) = recorded.event().and_then(found) {
            return Ok(has);
        }
        let until = Some(recorded.position);
        let mut events = self.store.read(Position::START, until, about(sidecar));
        let first = events.next().await.transpose()?;
        Ok(first.as_ref().and_then(Recorded::event).and_then(found) == Some(true))
    }

    async fn look_up(&self, track: TrackId, recorded: &Recorded) -> Result<bool, StoreError> {
        let until = Some(recorded.position);
        let filter = about(&Subject::Track(track));
        let mut events = self.store.read(Position::START, until, filter);
        let mut has = false;
        while let Some(event) = events.next().await {
            if let Some(origin) = event?.event().and_then(appearance) {
                has = self.origins.contains(origin);
            }
        }
        Ok(has)
    }
}

fn about(subject: &Subject) -> Filter {
    Filter {
        kinds: vec![],
        subject: Some(subject.to_string()),
    }
}

/// The origin that an event tells a track to be on.
const fn appearance(event: &Event) -> Option<&OriginId> {
    match event {
        Event::TrackDiscovered { locator, .. } | Event::TrackReturned { locator, .. } => {
            Some(&locator.origin)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use eventlog::conformance::samples;
    use eventlog::event::{LayoutSpec, OriginSpec};
    use eventlog::{EventId, Locator, MemoryStore, NewEvent, OriginPath, Revision};

    use super::*;

    fn at(micros: i64, event: Event) -> NewEvent {
        NewEvent {
            id: EventId::generate(),
            recorded_at: Timestamp(micros),
            cause: None,
            event,
        }
    }

    #[tokio::test]
    async fn a_stream_begins_with_the_event_asked_for() {
        let store = MemoryStore::default();
        let layout = LayoutSpec {
            template: "$title".to_owned(),
            names: Default::default(),
            duplicates: eventlog::event::Duplicates::default(),
        };
        let events = [10, 20, 30].map(|micros| {
            let layout = layout.clone();
            at(micros, Event::LayoutChanged { layout })
        });
        store.append(Position::START, &events).await.unwrap();
        let time = |micros: i32| {
            From::Time(prost_types::Timestamp {
                seconds: 0,
                nanos: micros * 1_000,
            })
        };
        let cases = [
            (None, 0),
            (Some(From::Position(1)), 0),
            (Some(From::Position(3)), 2),
            (Some(From::Now(true)), 3),
            (Some(time(20)), 1),
            (Some(time(21)), 2),
        ];
        for (from, expected) in cases {
            assert_eq!(
                after(&store, from.as_ref()).await.unwrap(),
                Position(expected),
                "{from:?}"
            );
        }
    }

    fn added(origin: &str) -> Event {
        Event::OriginAdded {
            origin: origin.parse().unwrap(),
            spec: OriginSpec {
                kind: "local".to_owned(),
                name: origin.to_owned(),
                root: b"/music".to_vec(),
                options: Default::default(),
            },
        }
    }

    fn discovered(track: u64, origin: &str) -> Event {
        Event::TrackDiscovered {
            track: TrackId(track),
            locator: Locator {
                origin: origin.parse().unwrap(),
                path: OriginPath::new(&b"song.flac"[..]).unwrap(),
                revision: Revision {
                    size: 1,
                    mtime_ns: 0,
                    tag: None,
                },
            },
            media: samples::media(track),
        }
    }

    #[tokio::test]
    async fn an_origin_has_its_own_events_and_those_of_its_tracks() {
        let vanished = |track| Event::TrackVanished {
            track: TrackId(track),
        };
        let events = [
            added("nas"),
            added("usb"),
            discovered(1, "nas"),
            discovered(2, "usb"),
            vanished(1),
            vanished(2),
        ]
        .map(|event| at(0, event));
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
        store.append(Position::START, &events).await.unwrap();
        // From 5 on, the events themselves no longer tell where their tracks are.
        for (from, expected) in [(1, vec![2, 4, 6]), (5, vec![6])] {
            let request = v1::SubscribeEventsRequest {
                from: Some(From::Position(from)),
                origin: "usb".to_owned(),
                ..Default::default()
            };
            let found = super::events(Arc::clone(&store), None, request)
                .await
                .unwrap();
            let found: Vec<_> = found.map(|event| event.unwrap().position).collect().await;
            assert_eq!(found, expected, "from {from}");
        }
    }

    #[tokio::test]
    async fn an_origin_that_never_was_is_refused() {
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
        for origin in ["nas", "no id"] {
            let request = v1::SubscribeEventsRequest {
                origin: origin.to_owned(),
                ..Default::default()
            };
            let refused = super::events(Arc::clone(&store), None, request).await.err();
            assert_eq!(refused.unwrap().kind(), Kind::Input);
        }
    }
}
