//! What is likely to be played next.

use eventlog::TrackId;
use projections::ViewError;

/// Somebody who listens to a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Heard {
    /// The process that has it open; 0 where that is not known.
    pub process: u32,
    /// The track.
    pub track: TrackId,
}

impl Heard {
    /// A process, and the track that it has open.
    #[must_use]
    pub const fn of(process: u32, track: TrackId) -> Self {
        Self { process, track }
    }
}

/// One way to tell what is likely to be played next: the order of an album, of a collection, what was
/// played after that track before, or what usually is at this hour.
pub trait Next: Send + Sync + 'static {
    /// Tracks that may follow, the likeliest first, at most `most`. Asks views of this machine alone,
    /// and takes milliseconds, whatever the library's size.
    ///
    /// # Errors
    /// Where a view cannot be read.
    fn after(&self, heard: Heard, most: usize) -> Result<Vec<TrackId>, ViewError>;
}

/// What several say together, each track once, at most `most`: who is asked first is believed first.
pub(super) fn ask(sources: &[Box<dyn Next>], heard: Heard, most: usize) -> Vec<TrackId> {
    let mut tracks: Vec<TrackId> = Vec::with_capacity(most);
    for source in sources {
        if tracks.len() >= most {
            break;
        }
        // More, since some may be known, or be what is playing.
        match source.after(heard, most + tracks.len() + 1) {
            Ok(more) => {
                for track in more {
                    if track != heard.track && !tracks.contains(&track) {
                        tracks.push(track);
                    }
                }
            }
            Err(error) => tracing::debug!("what may follow is not known: {error}"),
        }
    }
    tracks.truncate(most);
    tracks
}

/// What several say together; where they say nothing, what others do.
pub(super) fn likely(
    sources: &[Box<dyn Next>],
    otherwise: &[Box<dyn Next>],
    heard: Heard,
    most: usize,
) -> Vec<TrackId> {
    let tracks = ask(sources, heard, most);
    if tracks.is_empty() {
        return ask(otherwise, heard, most);
    }
    tracks
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(&'static [u64]);

    impl Next for Says {
        fn after(&self, _: Heard, most: usize) -> Result<Vec<TrackId>, ViewError> {
            Ok(self.0.iter().copied().map(TrackId).take(most).collect())
        }
    }

    #[test]
    fn what_several_say_is_told_once_and_in_turn() {
        let sources: [Box<dyn Next>; 3] = [
            Box::new(Says(&[5, 1, 6])),
            Box::new(Says(&[6, 5, 7, 8])),
            Box::new(Says(&[9])),
        ];
        let after = |most| -> Vec<u64> {
            let heard = Heard::of(0, TrackId(1));
            ask(&sources, heard, most).iter().map(|it| it.0).collect()
        };
        assert_eq!(after(3), [5, 6, 7]);
        assert_eq!(after(1), [5]);
        assert_eq!(after(9), [5, 6, 7, 8, 9]);
    }

    #[test]
    fn what_is_said_otherwise_is_heard_where_nobody_knows() {
        let usual: [Box<dyn Next>; 1] = [Box::new(Says(&[7, 8]))];
        let likely = |known: &'static [u64]| -> Vec<u64> {
            let (heard, sources) = (
                Heard::of(0, TrackId(1)),
                [Box::new(Says(known)) as Box<dyn Next>],
            );
            let tracks = likely(&sources, &usual, heard, 3);
            tracks.iter().map(|it| it.0).collect()
        };
        assert_eq!(likely(&[5]), [5]);
        assert_eq!(likely(&[]), [7, 8]);
        assert_eq!(likely(&[1]), [7, 8]);
    }
}
