//! The facts that the log holds. Past tense, never altered. How they are stored is `wire`'s affair.

use crate::collection::CollectionName;
use crate::id::{
    CauseId, EventId, Locator, OriginId, OriginPath, Position, Revision, SidecarId, Timestamp,
    TrackId,
};
use crate::pin::PinTarget;
pub use crate::subject::{Subject, UnknownSubject};
use crate::tags::Media;

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An origin joined the library.
    OriginAdded {
        /// Its id.
        origin: OriginId,
        /// What it is.
        spec: OriginSpec,
    },
    /// An origin's definition changed; its tracks stay.
    OriginChanged {
        /// Its id.
        origin: OriginId,
        /// What it is now.
        spec: OriginSpec,
    },
    /// An origin left the library, and its tracks with it.
    OriginRemoved {
        /// Its id.
        origin: OriginId,
    },
    /// An audio file was seen for the first time.
    TrackDiscovered {
        /// The id given to it.
        track: TrackId,
        /// Where it is.
        locator: Locator,
        /// What it says about itself.
        media: Media,
    },
    /// A track's file has other sound than before.
    TrackContentChanged {
        /// The track.
        track: TrackId,
        /// Its new state.
        revision: Revision,
        /// What it says about itself now.
        media: Media,
    },
    /// A track's file changed, its sound did not: tags were read again.
    TrackTagsRead {
        /// The track.
        track: TrackId,
        /// Its new state.
        revision: Revision,
        /// What it says about itself now.
        media: Media,
    },
    /// A track's file has another path on the same origin.
    TrackMoved {
        /// The track.
        track: TrackId,
        /// Where it was.
        from: OriginPath,
        /// Where it is.
        to: OriginPath,
        /// Its state there.
        revision: Revision,
        /// What it says about itself; absent where that is as before.
        media: Option<Media>,
    },
    /// A complete listing no longer has the track's file. History, edits and statistics stay.
    TrackVanished {
        /// The track.
        track: TrackId,
    },
    /// A vanished track's file is there again.
    TrackReturned {
        /// The track.
        track: TrackId,
        /// Where it is.
        locator: Locator,
        /// What it says about itself.
        media: Media,
    },
    /// A file that is no track was seen beside tracks: a cover, lyrics, a booklet (FS-11).
    SidecarFound {
        /// The id given to it.
        sidecar: SidecarId,
        /// Where it is.
        locator: Locator,
    },
    /// A sidecar's file changed.
    SidecarChanged {
        /// The sidecar.
        sidecar: SidecarId,
        /// Its new state.
        revision: Revision,
    },
    /// A complete listing no longer has the sidecar's file, or it is not to be shown any more.
    SidecarVanished {
        /// The sidecar.
        sidecar: SidecarId,
    },
    /// A listing of an origin began to find changes.
    ScanStarted {
        /// The origin.
        origin: OriginId,
        /// Why it was listed.
        reason: ScanReason,
    },
    /// A listing of an origin ended, and had found something, or was the first.
    ScanFinished {
        /// The origin.
        origin: OriginId,
        /// How it ended and what it found.
        summary: ScanSummary,
    },
    /// A listing would have removed too much (ORG-6); the removals wait for the user's word.
    RemovalsHeld {
        /// The origin.
        origin: OriginId,
        /// How many tracks the listing lacks.
        missing: u64,
        /// Of how many.
        known: u64,
    },
    /// Names in the tree follow another rule.
    LayoutChanged {
        /// The rule.
        layout: LayoutSpec,
    },
    /// Tracks are kept whole on this machine from here on.
    PinAdded {
        /// Which.
        target: PinTarget,
    },
    /// Tracks may leave this machine again.
    PinRemoved {
        /// Which.
        target: PinTarget,
    },
    /// A collection is what a query finds, whatever it was before.
    CollectionDefined {
        /// What it is called.
        name: CollectionName,
        /// The query, as it is written. Who shows the collection has to make sense of it: one of a
        /// newer version may say what this one does not know.
        definition: String,
    },
    /// A collection is no more.
    CollectionRemoved {
        /// What it was called.
        name: CollectionName,
    },
    /// Somebody read a track, from one open to its close.
    TrackRead {
        /// The track.
        track: TrackId,
        /// Bytes that the reader had of MusicFS, what the system read ahead included; absent where
        /// the system may have served it from what it had.
        bytes: Option<u64>,
        /// From open to close.
        duration_ms: u64,
        /// The reading process's name, unless switched off.
        reader: Option<String>,
    },
    /// A program looked into many tracks for a moment each: what would be as many
    /// [`TrackRead`](Self::TrackRead) is summed up (CTL-4).
    AccessScanned {
        /// The program's name, unless switched off.
        reader: Option<String>,
        /// How many tracks.
        tracks: u64,
        /// How often it opened one.
        opens: u64,
        /// Bytes that it had of MusicFS, as far as known; absent where that is known of no open.
        bytes: Option<u64>,
        /// When the first open was.
        since: Timestamp,
        /// When the last close was.
        until: Timestamp,
    },
    /// Stands for access events that were folded away (LOG-6): those up to `through` that no
    /// earlier summary stands for. A view that counted them from their own payloads replaces what
    /// it counted up to there, so that it comes out the same as one that met them folded. Large
    /// summaries are several events with the same `through` and different tracks.
    AccessFolded {
        /// The last position that was folded.
        through: Position,
        /// What they said, per track.
        plays: Vec<FoldedPlays>,
    },
}

impl Event {
    /// What the event is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::OriginAdded { origin, .. }
            | Self::OriginChanged { origin, .. }
            | Self::OriginRemoved { origin }
            | Self::ScanStarted { origin, .. }
            | Self::ScanFinished { origin, .. }
            | Self::RemovalsHeld { origin, .. } => Subject::Origin(origin.clone()),
            Self::TrackDiscovered { track, .. }
            | Self::TrackContentChanged { track, .. }
            | Self::TrackTagsRead { track, .. }
            | Self::TrackMoved { track, .. }
            | Self::TrackVanished { track }
            | Self::TrackReturned { track, .. }
            | Self::TrackRead { track, .. } => Subject::Track(*track),
            Self::SidecarFound { sidecar, .. }
            | Self::SidecarChanged { sidecar, .. }
            | Self::SidecarVanished { sidecar } => Subject::Sidecar(*sidecar),
            Self::CollectionDefined { name, .. } | Self::CollectionRemoved { name } => {
                Subject::Collection(name.clone())
            }
            Self::LayoutChanged { .. }
            | Self::PinAdded { .. }
            | Self::PinRemoved { .. }
            | Self::AccessScanned { .. }
            | Self::AccessFolded { .. } => Subject::Library,
        }
    }
}

/// What an origin is. Never holds a secret, only where one is kept (ORG-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginSpec {
    /// `local`, `nfs`, `smb`, `s3`, …
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// Where its root is: a path for local origins, else an address. Bytes, since paths are.
    pub root: Vec<u8>,
    /// What else it needs, by key.
    pub options: std::collections::BTreeMap<String, String>,
}

/// Why an origin was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanReason {
    /// The origin was just added.
    Added,
    /// The daemon started.
    Started,
    /// The watcher saw something.
    Watched,
    /// The interval had passed.
    Interval,
    /// The user asked.
    Asked,
}

/// How a listing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanSummary {
    /// True where every directory in its scope was listed.
    pub complete: bool,
    /// True where its scope was the whole origin.
    pub whole: bool,
    /// Audio files listed.
    pub listed: u64,
    /// Tracks discovered or returned.
    pub added: u64,
    /// Tracks with other tags or sound.
    pub changed: u64,
    /// Tracks moved.
    pub moved: u64,
    /// Tracks vanished.
    pub vanished: u64,
    /// Files or directories that could not be read.
    pub errors: u64,
}

/// The rule by which names are made (FS-3, FS-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutSpec {
    /// The path template.
    pub template: String,
    /// Which names are allowed.
    pub names: NameProfile,
    /// Which files of several origins are shown once.
    pub duplicates: Duplicates,
}

/// Which names are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameProfile {
    /// All but `/`, NUL and control characters.
    #[default]
    Posix,
    /// Also none that Windows refuses; names that differ only in case collide.
    Windows,
}

/// Which files of several origins are the same recording, and so are shown once (ORG-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// Those that sound the same, whatever their tags say.
    #[default]
    Content,
    /// Those whose tags say the same, whatever they sound like.
    Tags,
    /// None: all files are shown.
    All,
}

impl Duplicates {
    /// Every rule, the default first.
    pub const EVERY: [Self; 3] = [Self::Content, Self::Tags, Self::All];

    /// The rule's name, as configured.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Tags => "tags",
            Self::All => "all",
        }
    }
}

/// Access events of one track, folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedPlays {
    /// The track.
    pub track: TrackId,
    /// How many reads were folded.
    pub reads: u64,
    /// Bytes read by them, as far as known.
    pub bytes: u64,
    /// When the last was recorded.
    pub last: Timestamp,
}

/// An event to be appended: all that is decided before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its identity; an id that the log has is not written again.
    pub id: EventId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The scan or command that made it happen.
    pub cause: Option<CauseId>,
    /// The fact.
    pub event: Event,
}

impl NewEvent {
    /// An event recorded now.
    #[must_use]
    pub fn now(event: Event, cause: Option<CauseId>) -> Self {
        Self {
            id: EventId::generate(),
            recorded_at: Timestamp::now(),
            cause,
            event,
        }
    }
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place.
    pub position: Position,
    /// Its identity.
    pub id: EventId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The stored name of its kind, such as `track.discovered`.
    pub kind: Box<str>,
    /// The version of its stored shape.
    pub version: u16,
    /// What it is about, as stored: see [`Subject`]'s display form.
    pub subject: Box<str>,
    /// The scan or command that made it happen.
    pub cause: Option<CauseId>,
    /// The fact.
    pub body: Body,
}

impl Recorded {
    /// The fact, where this version knows it and it was not folded away.
    #[must_use]
    pub const fn event(&self) -> Option<&Event> {
        match &self.body {
            Body::Known(event) => Some(event),
            Body::Unknown | Body::Folded => None,
        }
    }
}

/// What could be read of an event's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are known: boxes would cost, not save"
)]
pub enum Body {
    /// A fact of a kind that this version knows.
    Known(Event),
    /// Of a kind or version written by a newer MusicFS: kept, and skipped by views (LOG-4).
    Unknown,
    /// Folded into a later summary (LOG-6); hashes and position stay.
    Folded,
}
