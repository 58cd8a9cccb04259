//! Which tracks must be shown: the rule of docs/SEMANTICS.md, step by step.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::event::Duplicates;
use eventlog::{Field, Media, OriginId, OriginPath, TrackId};

/// A living track.
#[derive(Clone, Copy)]
pub(super) struct Recording<'f> {
    pub(super) track: TrackId,
    pub(super) origin: &'f OriginId,
    pub(super) media: &'f Media,
    pub(super) path: &'f OriginPath,
}

impl Recording<'_> {
    fn sound(&self) -> Option<String> {
        let has_sound = self.media.audio_range.len > 0;
        has_sound.then(|| self.media.content.to_string())
    }

    fn tags(&self) -> Option<String> {
        let tag = |field| self.media.tags.first(&field).unwrap_or_default();
        let [artist, title] = [Field::Artist, Field::Title].map(tag);
        if artist.is_empty() || title.is_empty() {
            return None;
        }
        let disc = tag(Field::Disc);
        let parts = [artist, tag(Field::Album), disc, title];
        // No more is looked at than a name can hold.
        let part = |part: &str| part[..part.len().min(255)].to_lowercase();
        Some(parts.map(part).join("|"))
    }

    fn file(&self) -> String {
        let name = String::from_utf8_lossy(self.path.name()).into_owned();
        name.strip_suffix(".flac").unwrap_or(&name).to_owned()
    }
}

/// The tracks, in order of their numbers, that no copy on another origin stands for.
pub(super) fn shown(living: &[Recording<'_>], rule: Duplicates) -> BTreeSet<TrackId> {
    let mut alike: BTreeMap<String, Vec<Recording<'_>>> = BTreeMap::new();
    let mut shown = BTreeSet::new();
    for one in living {
        let key = match rule {
            Duplicates::Content => one.sound(),
            Duplicates::Tags => one.tags(),
            Duplicates::All => None,
        };
        match key {
            Some(key) => alike.entry(key).or_default().push(*one),
            None => drop(shown.insert(one.track)),
        }
    }
    for tracks in alike.values() {
        let first_of = |set: &Vec<Recording<'_>>| set[0].track;
        shown.extend(merged(equal(tracks, rule)).iter().map(first_of));
    }
    shown
}

/// The n-th of each origin among those that are equal in the other respect too.
fn equal<'f>(tracks: &[Recording<'f>], rule: Duplicates) -> Vec<Vec<Recording<'f>>> {
    let other = |one: &Recording<'_>| match rule {
        Duplicates::Tags => one.sound(),
        _ => Some(one.tags().unwrap_or_else(|| format!("file {}", one.file()))),
    };
    let number = |one: &Recording<'_>| {
        let is_before = |before: &&Recording<'_>| {
            before.track < one.track && before.origin == one.origin && other(before) == other(one)
        };
        tracks.iter().filter(is_before).count()
    };
    let mut sets: Vec<Vec<Recording<'f>>> = Vec::new();
    for one in tracks {
        let goes = |set: &&mut Vec<Recording<'_>>| {
            other(&set[0]) == other(one) && number(&set[0]) == number(one)
        };
        match sets.iter_mut().find(goes) {
            Some(set) => set.push(*one),
            None => sets.push(vec![*one]),
        }
    }
    sets
}

/// Sets without a common origin, become one.
fn merged<'f>(sets: Vec<Vec<Recording<'f>>>) -> Vec<Vec<Recording<'f>>> {
    let mut merged: Vec<Vec<Recording<'f>>> = Vec::new();
    for set in sets {
        let is_apart = |other: &&mut Vec<Recording<'_>>| {
            let shares = |one: &Recording<'_>| set.iter().any(|it| it.origin == one.origin);
            !other.iter().any(shares)
        };
        match merged.iter_mut().find(is_apart) {
            Some(other) => other.extend(set),
            None => merged.push(set),
        }
    }
    merged
}
