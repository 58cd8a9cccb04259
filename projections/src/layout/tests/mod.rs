//! Templates and tags in, names out.

mod naming;
mod places;
mod properties;
mod templates;

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use eventlog::id::{ContentId, OriginPath};
use eventlog::tags::{AudioFormat, AudioProperties, ByteRange, Field, Media, Tags};

use super::{Layout, NameInputs};

/// A track's facts; a field that is given twice has two values.
fn track(tags: &[(&str, &str)]) -> NameInputs {
    track_at("rips/original name.flac", Some(AudioFormat::Flac), tags)
}

fn track_at(path: &str, format: Option<AudioFormat>, tags: &[(&str, &str)]) -> NameInputs {
    let mut all = Tags::new();
    for (field, value) in tags {
        all.push(Field::from_name(field), value);
    }
    from_bytes(path.as_bytes(), format, all)
}

fn from_bytes(path: &[u8], format: Option<AudioFormat>, tags: Tags) -> NameInputs {
    let origin = "nas".parse().unwrap();
    NameInputs::of(
        &media(format, tags),
        &origin,
        &OriginPath::new(path).unwrap(),
    )
}

fn media(format: Option<AudioFormat>, tags: Tags) -> Media {
    Media {
        format,
        tags,
        audio: AudioProperties::default(),
        audio_range: ByteRange::default(),
        content: ContentId([0; 16]),
        cover: None,
        defects: Vec::new(),
    }
}

fn layout(template: &str, names: NameProfile) -> Layout {
    Layout::of(&LayoutSpec {
        template: template.to_owned(),
        names,
        duplicates: Duplicates::Content,
    })
    .unwrap()
}

/// The path that a track gets, in the POSIX profile.
fn path(template: &str, inputs: &NameInputs, multi_disc: bool) -> String {
    path_in(template, NameProfile::Posix, inputs, multi_disc)
}

fn path_in(template: &str, names: NameProfile, inputs: &NameInputs, multi_disc: bool) -> String {
    let place = layout(template, names).place(inputs, multi_disc);
    [place.directories, vec![place.file]].concat().join("/")
}
