//! What is told, and what is waited for, when the log or the code lets views down.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use eventlog::{Body, EventStore, Position, Recorded, StoreError, TrackId};
use projections::{ViewError, ViewName, Views};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::bent::Bent;
use crate::live::Library;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps every line that is logged.
struct Keep;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Keep {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The lines so far that hold all of the words.
fn lines(words: &[&str]) -> Vec<String> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Keep).unwrap());
    let lines = LINES.lock().unwrap();
    let holds = |line: &&String| words.iter().all(|word| line.contains(word));
    lines.iter().filter(holds).cloned().collect()
}

fn open(library: &Library, log: Arc<Bent>) -> Views {
    Views::open(library.path(), log, library.runtime.handle()).unwrap()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 60, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_newer_kind_is_told_of_once() {
    lines(&[]);
    let library = Library::new();
    let log = Bent::new(library.log.clone(), |mut event: Recorded| {
        if event.position.0.is_multiple_of(10) {
            event.kind = "trouble.newer".into();
            event.version = 1 + u16::from(event.position.0 > 50);
            event.body = Body::Unknown;
        }
        Ok(event)
    });
    let views = open(&library, Arc::new(log));
    library.add(1..41);
    library.wait(&views);
    library.add(41..101);
    library.wait(&views);
    assert_eq!(views.tree().stats().unwrap().files, 90);
    let highest = views.catalog().max_track_id().unwrap();
    assert_eq!(
        highest,
        Some(TrackId(100)),
        "the number of one that cannot be read is in use"
    );
    for view in ["tree", "catalog"] {
        let view = format!("view={view:?}");
        assert_eq!(lines(&["WARN", "trouble.newer", &view]).len(), 2, "{view}");
    }
}

#[test]
fn a_failure_that_lasts_is_told_once() {
    lines(&[]);
    let library = Library::new();
    let (tries, is_broken) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(true)),
    );
    let log = Bent::new(library.log.clone(), {
        let (tries, is_broken) = (tries.clone(), is_broken.clone());
        move |event| {
            if !is_broken.load(Ordering::Acquire) {
                return Ok(event);
            }
            tries.fetch_add(1, Ordering::AcqRel);
            Err(StoreError::Poisoned("trouble with the disk".into()))
        }
    });
    library.add(1..11);
    let views = open(&library, Arc::new(log));
    until("nobody tried again", || tries.load(Ordering::Acquire) >= 4);
    is_broken.store(false, Ordering::Release);
    library.wait(&views);
    assert_eq!(
        lines(&["ERROR", "trouble with the disk"]).len(),
        ViewName::ALL.len() - 1,
        "one a view, but for the tree, which waits for the catalog"
    );
}

#[test]
fn a_panic_is_healed_by_a_rebuild_or_reported() {
    let library = Library::new();
    let (panics, limit) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(1)));
    let log = Bent::new(library.log.clone(), {
        let limit = limit.clone();
        move |event| {
            if event.position == Position(5)
                && panics.load(Ordering::Acquire) < limit.load(Ordering::Acquire)
            {
                panics.fetch_add(1, Ordering::AcqRel);
                panic!("a bug");
            }
            Ok(event)
        }
    });
    library.add(1..11);
    let log = Arc::new(log);
    let views = open(&library, log.clone());
    let waited = |views: &Views| {
        let limit = Duration::from_secs(60);
        let waited = async { tokio::time::timeout(limit, views.wait_for(log.head())).await };
        library.runtime.block_on(waited).expect("it hung")
    };
    waited(&views).expect("a rebuild heals what does not come again");
    views.close();
    limit.store(usize::MAX, Ordering::Release);
    let other = tempfile::tempdir().unwrap();
    let views = Views::open(other.path(), log.clone(), library.runtime.handle()).unwrap();
    let stopped = waited(&views);
    assert!(matches!(stopped, Err(ViewError::Stopped(_))), "{stopped:?}");
    assert!(views.tree().stats().is_ok(), "what there is is served");
    views.close();
}
