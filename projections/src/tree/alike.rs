//! Which tracks of several origins are one recording, and so are shown once (ORG-7). Pure.
//!
//! Tracks are alike that sound the same, or whose tags say the same, as the layout has it. Within one
//! origin all are shown: an album and a compilation may well share a recording. So alike tracks make
//! up sets that hold at most one of each origin, and of each set the lowest track is shown.
//!
//! Who goes with whom: first those that are equal by the other measure too, the first of each origin
//! with the first, the second with the second; so a copy of an album track stands for the album track,
//! and not for the one on the compilation. Then, in the order of their lowest tracks, sets that have no
//! origin in common become one; so a retagged copy is one still. None of this depends on the template:
//! another one moves files, and hides and reveals none.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::event::Duplicates;
use eventlog::{Media, OriginId, TrackId, decide};

use super::rows::TrackEntry;
use crate::layout::NameInputs;

/// More alike tracks than these are no copies, but silence, or a test tone: all are shown. So the
/// work for one event has a limit.
pub const MOST: usize = 200;

/// One of some tracks that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// The track.
    pub track: TrackId,
    /// Its origin.
    pub origin: OriginId,
    /// What else it has in common with those that it goes with first: the other of sound and tags, or
    /// where no tags tell, the file's name.
    pub other: u64,
}

impl Alike {
    /// A track among those that are alike by a rule.
    #[must_use]
    pub fn of(track: TrackId, entry: &TrackEntry, rule: Duplicates) -> Self {
        let other = match rule {
            Duplicates::Tags => entry.sound.unwrap_or_default(),
            Duplicates::Content | Duplicates::All => {
                let recording = entry.inputs.recording();
                recording.unwrap_or_else(|| entry.inputs.file_hash())
            }
        };
        Self {
            track,
            origin: entry.origin.clone(),
            other,
        }
    }
}

/// What tracks that are alike by a rule have in common; none for a track that is like no other.
#[must_use]
pub fn key(sound: Option<u64>, inputs: &NameInputs, rule: Duplicates) -> Option<u64> {
    match rule {
        Duplicates::Content => sound,
        Duplicates::Tags => inputs.recording(),
        Duplicates::All => None,
    }
}

/// The sound of a file, by a hash, where it has any.
#[must_use]
pub fn sound(media: &Media) -> Option<u64> {
    let hash = media.content.0.first_chunk().copied();
    hash.map(u64::from_le_bytes)
        .filter(|_| decide::is_telling(media))
}

/// Alike tracks in sets, each to be shown as its first; sets and tracks by id. More than [`MOST`]
/// are each for itself.
#[must_use]
pub fn sets(mut alike: Vec<Alike>) -> Vec<Vec<TrackId>> {
    alike.sort_unstable_by_key(|one| one.track);
    if alike.len() > MOST {
        return alike.iter().map(|one| vec![one.track]).collect();
    }
    let mut counts: BTreeMap<(&OriginId, u64), u64> = BTreeMap::new();
    let mut equals: BTreeMap<(u64, u64), Vec<&Alike>> = BTreeMap::new();
    for one in &alike {
        let count = counts.entry((&one.origin, one.other)).or_default();
        equals.entry((one.other, *count)).or_default().push(one);
        *count += 1;
    }
    let mut equals: Vec<_> = equals.into_values().collect();
    equals.sort_unstable_by_key(|equal| equal.first().map(|one| one.track));
    let mut sets: Vec<(BTreeSet<&OriginId>, Vec<TrackId>)> = Vec::new();
    for equal in equals {
        let origins: BTreeSet<_> = equal.iter().map(|one| &one.origin).collect();
        let tracks = equal.iter().map(|one| one.track);
        match sets.iter_mut().find(|(of, _)| of.is_disjoint(&origins)) {
            Some((of, set)) => {
                of.extend(origins);
                set.extend(tracks);
            }
            None => sets.push((origins, tracks.collect())),
        }
    }
    let sorted = |(_, mut set): (_, Vec<TrackId>)| {
        set.sort_unstable();
        set
    };
    sets.into_iter().map(sorted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tracks 1, 2, 3, … given by origin and what else they have in common; and their sets.
    fn sets_of(given: &[(&str, u64)]) -> Vec<Vec<u64>> {
        let alike = (1..).zip(given).map(|(track, (origin, other))| Alike {
            track: TrackId(track),
            origin: origin.parse().unwrap(),
            other: *other,
        });
        let mut alike: Vec<Alike> = alike.collect();
        // The order in which they are given is of no account.
        alike.reverse();
        let sets = sets(alike);
        let numbers = |set: Vec<TrackId>| set.into_iter().map(|track| track.0).collect();
        sets.into_iter().map(numbers).collect()
    }

    const ALBUM: u64 = 1;
    const COMPILATION: u64 = 2;
    const RETAGGED: u64 = 3;

    #[test]
    fn a_backup_is_shown_once() {
        assert_eq!(sets_of(&[("a", ALBUM), ("b", ALBUM)]), [[1, 2]]);
        let three = [("a", ALBUM), ("b", ALBUM), ("c", ALBUM)];
        assert_eq!(sets_of(&three), [[1, 2, 3]]);
    }

    #[test]
    fn within_one_origin_all_stay() {
        assert_eq!(sets_of(&[("a", ALBUM), ("a", COMPILATION)]), [[1], [2]]);
        assert_eq!(sets_of(&[("a", ALBUM), ("a", ALBUM)]), [[1], [2]]);
    }

    #[test]
    fn a_copy_stands_for_what_it_is_a_copy_of() {
        let whole = [
            ("a", ALBUM),
            ("a", COMPILATION),
            ("b", COMPILATION),
            ("b", ALBUM),
        ];
        assert_eq!(sets_of(&whole), [[1, 4], [2, 3]]);
        let part = [("a", ALBUM), ("a", COMPILATION), ("b", COMPILATION)];
        assert_eq!(sets_of(&part), [vec![1], vec![2, 3]]);
        let twice = [("a", ALBUM), ("b", ALBUM), ("b", ALBUM)];
        assert_eq!(sets_of(&twice), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn a_retagged_copy_is_one_still() {
        assert_eq!(sets_of(&[("a", ALBUM), ("b", RETAGGED)]), [[1, 2]]);
        let third = [("a", ALBUM), ("b", ALBUM), ("c", RETAGGED)];
        assert_eq!(sets_of(&third), [[1, 2, 3]]);
        // It goes with what no other copy of its origin stands for.
        let rest = [
            ("a", ALBUM),
            ("a", COMPILATION),
            ("b", ALBUM),
            ("b", RETAGGED),
        ];
        assert_eq!(sets_of(&rest), [[1, 3], [2, 4]]);
    }

    #[test]
    fn what_is_left_of_an_origin_is_shown() {
        let gone = [("b", COMPILATION), ("b", ALBUM)];
        assert_eq!(sets_of(&gone), [[1], [2]]);
    }

    #[test]
    fn too_many_are_no_copies() {
        let many = |count: usize| -> Vec<(&str, u64)> {
            (0..count).map(|n| (["a", "b"][n % 2], ALBUM)).collect()
        };
        assert_eq!(sets_of(&many(MOST)).len(), MOST / 2);
        assert_eq!(sets_of(&many(MOST + 1)).len(), MOST + 1);
    }
}
