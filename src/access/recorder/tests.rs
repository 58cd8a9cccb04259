use eventlog::conformance::samples;
use eventlog::{Body, EventStore, Filter, MemoryStore, Position, SqliteStore, TrackId};
use fuse::Reader;
use futures::TryStreamExt;

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

/// A read that ended so long ago that nothing more can come of it.
fn access(track: u64, process: u32, length: Duration) -> Access {
    let closed = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
    Access {
        track: TrackId(track),
        reader: Reader {
            process,
            name: Some("mpv".into()),
        },
        bytes: Some(5),
        opened: closed.checked_sub(length).unwrap(),
        closed,
    }
}

fn play(track: u64) -> Access {
    access(track, 1, Duration::from_secs(200))
}

fn over(store: &Arc<MemoryStore>) -> Arc<LogWriter> {
    Arc::new(LogWriter::new(Arc::clone(store) as _))
}

async fn events(store: &MemoryStore) -> Vec<Event> {
    let read = store.read(Position::START, None, Filter::default());
    let all: Vec<_> = read.try_collect().await.unwrap();
    let known = |body| match body {
        Body::Known(event) => event,
        Body::Unknown | Body::Folded => panic!("{body:?}"),
    };
    all.into_iter()
        .map(|recorded| known(recorded.body))
        .collect()
}

#[tokio::test]
async fn what_does_not_fit_is_shed_and_counted_at_once() {
    let store = Arc::new(MemoryStore::new());
    let recorder = Recorder::with_queue(over(&store), true, 4);
    (1..=10).for_each(|track| recorder.read(play(track)));
    let expected = Figures {
        recorded: 0,
        shed: 6,
        waiting: 4,
    };
    assert_eq!(recorder.figures(), expected);
    recorder.finish(LIMIT).await;
    let expected = Figures {
        recorded: 4,
        shed: 6,
        waiting: 0,
    };
    assert_eq!(recorder.figures(), expected);
    assert_eq!(events(&store).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_appended_together_while_others_read_on() {
    let store = Arc::new(MemoryStore::new());
    let recorder = Arc::new(Recorder::new(over(&store), true));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (recorder, stop) = (Arc::clone(&recorder), stop.clone());
        async move { recorder.run(HashMap::new, stop).await }
    });
    let mut heads = store.heads();
    (1..=3).for_each(|track| recorder.read(play(track)));
    heads.changed().await.unwrap();
    assert_eq!(*heads.borrow_and_update(), Position(3));
    let read = |track| Event::TrackRead {
        track: TrackId(track),
        bytes: Some(5),
        duration_ms: 200_000,
        reader: Some("mpv".to_owned()),
    };
    assert_eq!(events(&store).await, [1, 2, 3].map(read));
    recorder.read(play(4));
    heads.changed().await.unwrap();
    stop.cancel();
    running.await.unwrap();
    assert_eq!(recorder.figures().recorded, 4);
    assert_eq!(recorder.figures().waiting, 0);
}

#[tokio::test]
async fn names_are_left_out_where_they_are_not_wanted() {
    let store = Arc::new(MemoryStore::new());
    let recorder = Recorder::new(over(&store), false);
    recorder.read(play(1));
    for track in 1..=20 {
        recorder.read(access(track, 2, Duration::from_millis(1)));
    }
    recorder.finish(LIMIT).await;
    let found = events(&store).await;
    let nameless = |event: &Event| match event {
        Event::TrackRead { reader, .. } | Event::AccessScanned { reader, .. } => reader.is_none(),
        _ => false,
    };
    assert!(found.len() == 2 && found.iter().all(nameless), "{found:?}");
}

#[tokio::test]
async fn a_log_that_takes_nothing_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.db");
    let store = SqliteStore::open(path.clone()).await.unwrap();
    let first = samples::discoveries(0..1);
    store.append(Position::START, &first).await.unwrap();
    store.close().await;
    let closed = SqliteStore::open_read_only(path).await.unwrap();
    let writer = Arc::new(LogWriter::new(Arc::new(closed)));
    let recorder = Recorder::new(writer, true);
    recorder.read(play(1));
    let mut desk = recorder.desk.lock().await;
    for track in 0..20_000 {
        let ended = Instant::now();
        let plays = [play(track)];
        recorder.take(&mut desk, plays);
        let entries = desk.ledger.settle(ended, |_| None);
        desk.unwritten.extend(
            entries
                .into_iter()
                .map(|entry| NewEvent::now(recorder.event(entry, &|_| Timestamp(0)), None)),
        );
    }
    recorder.append(&mut desk, Vec::new()).await;
    drop(desk);
    let figures = recorder.figures();
    let unwritten = u64::try_from(UNWRITTEN).unwrap();
    assert_eq!((figures.recorded, figures.shed), (0, 20_000 - unwritten));
    recorder.finish(LIMIT).await;
    assert_eq!(recorder.figures().shed, 20_001);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_hangs_holds_up_no_end() {
    let store = Arc::new(MemoryStore::new());
    let recorder = Recorder::new(over(&store), true);
    recorder.read(play(1));
    // As one that runs has it, which waits for an append.
    let desk = recorder.desk.lock().await;
    recorder.finish(LIMIT).await;
    assert_eq!(recorder.figures().waiting, 1);
    drop(desk);
    recorder.finish(LIMIT).await;
    assert_eq!(recorder.figures().recorded, 1);
}

#[test]
fn moments_that_passed_have_their_times() {
    let now = Instant::now();
    let at = now.checked_sub(Duration::from_millis(1_500)).unwrap();
    assert_eq!(before(Timestamp(10_000_000), now, at), Timestamp(8_500_000));
    assert_eq!(before(Timestamp(7), at, now), Timestamp(7));
}
