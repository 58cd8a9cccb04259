//! How often a track was played, and what came after it.

use eventlog::TrackId;
use projections::{Ino, patterns};
use serde_json::{Value, json};

use crate::cli::library::Opened;
use crate::cli::output::counted;
use crate::report::Result;

/// Followers that are told to people.
const SHOWN: usize = 3;

/// What the patterns know of a track.
pub(super) struct Plays {
    heard: patterns::Heard,
    /// What was played right after it by the same program, how often, and where the tree shows that.
    followers: Vec<(TrackId, u64, Option<String>)>,
}

impl Plays {
    pub(super) fn of(library: &Opened, track: TrackId) -> Result<Self> {
        let (mut heard, mut followers) = (patterns::Heard::default(), Vec::new());
        if let Some(patterns) = &library.patterns {
            heard = patterns.heard(track)?;
            for (follower, times) in patterns.followers(track)? {
                let path = library.tree.path_of(Ino::of_track(follower))?;
                followers.push((follower, times, path));
            }
        }
        Ok(Self { heard, followers })
    }

    pub(super) fn to_json(&self) -> Value {
        let all = self.heard.all;
        let when = |time: eventlog::Timestamp| (all.plays > 0).then(|| time.to_string());
        let followers = self.followers.iter();
        let followers = followers
            .map(|(track, times, path)| json!({ "track": track.0, "path": path, "times": times }));
        json!({
            "count": all.plays,
            "first": when(all.first),
            "last": when(all.last),
            "hours": self.heard.hours,
            "followed_by": followers.collect::<Vec<_>>(),
        })
    }

    /// Rows for people: nothing of a track that was never played.
    pub(super) fn rows(&self) -> Vec<[String; 2]> {
        let all = self.heard.all;
        if all.plays == 0 {
            return Vec::new();
        }
        let times = counted(all.plays, "time", "times");
        let mut rows = vec![["played".to_owned(), format!("{times}, last {}", all.last)]];
        let mut what = "then";
        for (track, times, path) in self.followers.iter().take(SHOWN) {
            let name = path.clone().unwrap_or_else(|| format!("track:{track}"));
            let times = counted(*times, "time", "times");
            rows.push([what.to_owned(), format!("{name} ({times})")]);
            what = "";
        }
        rows
    }
}
