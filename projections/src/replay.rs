//! Computes a view anew from the log, beside the one that is served.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use eventlog::{EventStore, Position};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;

use crate::batch::{Newer, Reader, advance};
use crate::digest::Digest;
use crate::error::ViewError;
use crate::file::{ViewFile, digest, read_position};
use crate::generations::delete;
use crate::runner::{Busy, Shared};
use crate::view::View;

/// Events that the log may be ahead of a rebuild when it is swapped in.
const NEAR: u64 = 1_000;

/// How a replay went.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayReport {
    /// The view.
    pub name: &'static str,
    /// Up to where it was computed.
    pub position: Position,
    /// How many events were folded in.
    pub events: u64,
    /// How long that took.
    pub elapsed: Duration,
    /// What the replayed view means at that position.
    pub digest: Digest,
    /// Whether the view that was served meant the same there, where it was compared.
    pub equal: Option<bool>,
}

impl ReplayReport {
    /// Events folded in a second.
    #[must_use]
    pub fn events_per_second(&self) -> f64 {
        let events = u32::try_from(self.events).unwrap_or(u32::MAX);
        f64::from(events) / self.elapsed.as_secs_f64().max(1e-6)
    }
}

/// Told of a replay as it goes on: how far it is, and how far it has to go.
pub type OnProgress<'p> = &'p mut dyn FnMut(Position, Position);

/// Asked between batches: an error ends the replay.
type Step<'s> = &'s mut dyn FnMut(Position, Position) -> Result<(), ViewError>;

/// Replays a view into a scratch file, and compares.
pub(crate) fn check<V: View>(
    shared: &Shared<V>,
    progress: OnProgress<'_>,
) -> Result<ReplayReport, ViewError> {
    let _busy = Busy::mark(shared)?;
    let path = shared.generations.scratch(V::NAME);
    delete(&path);
    let report = replay(shared, &path, &mut shared.step(progress)).map(|(_, report)| report);
    delete(&path);
    report
}

/// Replays a view into the next generation, and has that served.
pub(crate) fn rebuild<V: View>(
    shared: &Shared<V>,
    progress: OnProgress<'_>,
) -> Result<ReplayReport, ViewError> {
    let _busy = Busy::mark(shared)?;
    let path = shared.generations.next(V::NAME)?;
    let served = replay(shared, &path, &mut shared.step(progress)).and_then(|(file, report)| {
        shared.adopt(file.seal()?, report.equal == Some(true))?;
        Ok(report)
    });
    served.inspect_err(|_| delete(&path))
}

/// Builds the next generation of a view whose present one cannot be gone on with.
pub(crate) fn rebuild_unserved<V: View>(shared: &Shared<V>) -> Result<Position, ViewError> {
    let _busy = Busy::mark(shared)?;
    tracing::info!(view = V::NAME, "rebuilding");
    let path = shared.generations.next(V::NAME)?;
    let build = || {
        let mut file = ViewFile::<V>::create_unsealed(&path)?;
        near(&mut file, shared, &mut shared.step(&mut |_, _| {}), || {
            shared.log.head()
        })?;
        shared.allowed(file.position());
        shared.adopt(file.seal()?, false)
    };
    build().inspect_err(|_| delete(&path))
}

/// Replays a view up to a position into a file of its own, sealed.
pub(crate) fn replay_to<V: View>(
    path: &Path,
    log: &dyn EventStore,
    runtime: &Handle,
    until: Position,
    progress: OnProgress<'_>,
) -> Result<ReplayReport, ViewError> {
    let began = Instant::now();
    let mut file = ViewFile::<V>::create_unsealed(path)?;
    let mut step = |done, target| {
        progress(done, target);
        Ok(())
    };
    let reader = Reader {
        log,
        runtime,
        newer: &Newer::default(),
    };
    build(&mut file, &reader, until, &mut step)?;
    let file = file.seal()?;
    Ok(ReplayReport {
        name: V::NAME,
        position: until,
        events: until.0,
        elapsed: began.elapsed(),
        digest: file.digest()?,
        equal: None,
    })
}

/// True where the log holds the event that a file was computed up to.
pub(crate) fn belongs<V: View>(file: &ViewFile<V>, reader: &Reader<'_>) -> Result<bool, ViewError> {
    let position = file.position();
    if position == Position::START {
        return Ok(true);
    }
    if position > reader.log.head() {
        return Ok(false);
    }
    let before = Position(position.0.saturating_sub(1));
    let events = reader.read(before, position)?;
    Ok(events.first().map(|event| event.id) == file.event())
}

/// Builds a view up to the exact position of the one that is served, and compares.
fn replay<V: View>(
    shared: &Shared<V>,
    path: &Path,
    step: Step<'_>,
) -> Result<(ViewFile<V>, ReplayReport), ViewError> {
    let began = Instant::now();
    let mut file = ViewFile::<V>::create_unsealed(path)?;
    near(&mut file, shared, step, || *shared.position.borrow())?;
    let served = Snapshot::of(shared)?;
    build(&mut file, &shared.reader(), served.position, step)?;
    let elapsed = began.elapsed();
    let digest = file.digest()?;
    let report = ReplayReport {
        name: V::NAME,
        position: file.position(),
        events: file.position().0,
        elapsed,
        digest,
        equal: Some(
            served
                .digest::<V>()
                .is_ok_and(|of_served| of_served == digest),
        ),
    };
    Ok((file, report))
}

/// Builds until little is left of a target that moves.
fn near<V: View>(
    file: &mut ViewFile<V>,
    shared: &Shared<V>,
    step: Step<'_>,
    target: impl Fn() -> Position,
) -> Result<(), ViewError> {
    while target() > file.position().plus(NEAR) {
        build(file, &shared.reader(), target(), step)?;
    }
    Ok(())
}

fn build<V: View>(
    file: &mut ViewFile<V>,
    reader: &Reader<'_>,
    until: Position,
    step: Step<'_>,
) -> Result<(), ViewError> {
    advance(file, reader, until, |file, _| {
        step(file.position(), until)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// The served view as it stands at one moment, while it goes on.
struct Snapshot {
    connection: Connection,
    position: Position,
}

impl Snapshot {
    fn of<V: View>(shared: &Shared<V>) -> Result<Self, ViewError> {
        let path = shared.source.path();
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.execute_batch("BEGIN")?;
            let position = read_position(&connection)?;
            Ok(Self {
                connection,
                position,
            })
        };
        open().map_err(|source| ViewError::Unreadable {
            view: V::NAME,
            path: path.clone(),
            source,
        })
    }

    fn digest<V: View>(&self) -> rusqlite::Result<Digest> {
        digest::<V>(&self.connection)
    }
}
