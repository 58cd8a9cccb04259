//! Events as JSON, for `musicfs events --json`, webhooks and exports. A public shape of its own:
//! the same names as the stored one, tags always as arrays, hashes in hex, and a path as text
//! (lossy) with its exact bytes beside it in hex where it is not UTF-8.

use serde_json::{Map, Value, json};

use super::library::{duplicates_name, profile_name};
use super::scan::reason_name;
use crate::event::{Body, Event, OriginSpec, Recorded};
use crate::id::{ContentId, Locator, Revision};
use crate::tags::{AudioFormat, AudioProperties, Field, Media, Tags};

/// An event of the log, whole: `position`, `id`, `recorded_at` (RFC 3339, UTC, microseconds),
/// `kind`, `version`, `subject`, `cause` and `data`. The last is `null` where this version does
/// not know the kind, or where the event was folded; then `folded` is `true`.
#[must_use]
pub fn to_json(recorded: &Recorded) -> Value {
    let mut line = json!({
        "position": recorded.position.0,
        "id": recorded.id.to_string(),
        "recorded_at": recorded.recorded_at.to_string(),
        "kind": recorded.kind,
        "version": recorded.version,
        "subject": recorded.subject,
        "cause": recorded.cause.map(|cause| cause.to_string()),
        "data": recorded.event().map(data),
    });
    if let (Body::Folded, Some(line)) = (&recorded.body, line.as_object_mut()) {
        line.insert("folded".to_owned(), Value::Bool(true));
    }
    line
}

/// What an event says.
#[must_use]
pub fn data(event: &Event) -> Value {
    let mut out = Map::new();
    match event {
        Event::OriginAdded {
            origin,
            spec: described,
        }
        | Event::OriginChanged {
            origin,
            spec: described,
        } => {
            put(&mut out, "origin", origin.as_str());
            put(&mut out, "spec", spec(described));
        }
        Event::OriginRemoved { origin } => put(&mut out, "origin", origin.as_str()),
        Event::TrackDiscovered {
            track,
            locator: place,
            media: said,
        }
        | Event::TrackReturned {
            track,
            locator: place,
            media: said,
        } => {
            put(&mut out, "track", track.0);
            locator(&mut out, place);
            put(&mut out, "media", media(said));
        }
        Event::TrackContentChanged {
            track,
            revision: state,
            media: said,
        }
        | Event::TrackTagsRead {
            track,
            revision: state,
            media: said,
        } => {
            put(&mut out, "track", track.0);
            put(&mut out, "revision", revision(state));
            put(&mut out, "media", media(said));
        }
        Event::TrackMoved {
            track,
            from,
            to,
            revision: state,
            media: said,
        } => {
            put(&mut out, "track", track.0);
            bytes(&mut out, "from", from.as_bytes());
            bytes(&mut out, "to", to.as_bytes());
            put(&mut out, "revision", revision(state));
            optional(&mut out, "media", said.as_ref().map(media));
        }
        Event::TrackVanished { track } => put(&mut out, "track", track.0),
        Event::SidecarFound {
            sidecar,
            locator: place,
        } => {
            put(&mut out, "sidecar", sidecar.0);
            locator(&mut out, place);
        }
        Event::SidecarChanged {
            sidecar,
            revision: state,
        } => {
            put(&mut out, "sidecar", sidecar.0);
            put(&mut out, "revision", revision(state));
        }
        Event::SidecarVanished { sidecar } => put(&mut out, "sidecar", sidecar.0),
        Event::ScanStarted { origin, reason } => {
            put(&mut out, "origin", origin.as_str());
            put(&mut out, "reason", reason_name(*reason));
        }
        Event::ScanFinished { origin, summary } => {
            put(&mut out, "origin", origin.as_str());
            put(&mut out, "complete", summary.complete);
            put(&mut out, "whole", summary.whole);
            put(&mut out, "listed", summary.listed);
            put(&mut out, "added", summary.added);
            put(&mut out, "changed", summary.changed);
            put(&mut out, "moved", summary.moved);
            put(&mut out, "vanished", summary.vanished);
            put(&mut out, "errors", summary.errors);
        }
        Event::RemovalsHeld {
            origin,
            missing,
            known,
        } => {
            put(&mut out, "origin", origin.as_str());
            put(&mut out, "missing", *missing);
            put(&mut out, "known", *known);
        }
        Event::LayoutChanged { layout } => {
            put(&mut out, "template", layout.template.as_str());
            put(&mut out, "names", profile_name(layout.names));
            optional(&mut out, "duplicates", duplicates_name(layout.duplicates));
        }
        Event::PinAdded { target } | Event::PinRemoved { target } => {
            let (target, value) = super::pin::parts(target);
            put(&mut out, "target", target);
            put(&mut out, "value", value);
        }
        Event::CollectionDefined { name, definition } => {
            put(&mut out, "name", name.as_str());
            put(&mut out, "definition", definition.as_str());
        }
        Event::CollectionRemoved { name } => put(&mut out, "name", name.as_str()),
        Event::TrackRead {
            track,
            bytes,
            duration_ms,
            reader,
        } => {
            put(&mut out, "track", track.0);
            optional(&mut out, "bytes", *bytes);
            put(&mut out, "duration_ms", *duration_ms);
            optional(&mut out, "reader", reader.as_deref());
        }
        Event::AccessScanned {
            reader,
            tracks,
            opens,
            bytes,
            since,
            until,
        } => {
            optional(&mut out, "reader", reader.as_deref());
            put(&mut out, "tracks", *tracks);
            put(&mut out, "opens", *opens);
            optional(&mut out, "bytes", *bytes);
            put(&mut out, "since", since.0);
            put(&mut out, "until", until.0);
        }
        Event::AccessFolded { through, plays } => {
            put(&mut out, "through", through.0);
            let plays = plays.iter().map(|plays| {
                json!({
                    "track": plays.track.0,
                    "reads": plays.reads,
                    "bytes": plays.bytes,
                    "last": plays.last.0,
                })
            });
            put(&mut out, "plays", plays.collect::<Vec<_>>());
        }
    }
    Value::Object(out)
}

fn put(out: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    out.insert(name.to_owned(), value.into());
}

fn optional(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(out, name, value);
    }
}

fn bytes(out: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => put(out, name, text),
        Err(_) => {
            put(out, name, String::from_utf8_lossy(bytes));
            put(out, &format!("{name}_bytes"), hex(bytes));
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn spec(spec: &OriginSpec) -> Value {
    let mut out = Map::new();
    put(&mut out, "kind", spec.kind.as_str());
    put(&mut out, "name", spec.name.as_str());
    bytes(&mut out, "root", &spec.root);
    put(&mut out, "options", json!(spec.options));
    Value::Object(out)
}

fn locator(out: &mut Map<String, Value>, locator: &Locator) {
    put(out, "origin", locator.origin.as_str());
    bytes(out, "path", locator.path.as_bytes());
    put(out, "revision", revision(&locator.revision));
}

fn revision(revision: &Revision) -> Value {
    let mut out = Map::new();
    put(&mut out, "size", revision.size);
    put(&mut out, "mtime_ns", revision.mtime_ns);
    optional(&mut out, "tag", revision.tag.as_deref());
    Value::Object(out)
}

fn media(media: &Media) -> Value {
    let Media {
        format,
        tags: said,
        audio: sound,
        audio_range,
        content,
        cover,
        defects,
    } = media;
    let ContentId(content) = content;
    let mut out = Map::new();
    optional(&mut out, "format", format.map(AudioFormat::name));
    put(&mut out, "tags", tags(said, false));
    let custom = tags(said, true);
    if !custom.is_empty() {
        put(&mut out, "custom", custom);
    }
    put(&mut out, "audio", audio(sound));
    put(
        &mut out,
        "audio_range",
        json!({ "offset": audio_range.offset, "len": audio_range.len }),
    );
    put(&mut out, "content", hex(content));
    optional(&mut out, "cover", *cover);
    if !defects.is_empty() {
        let defects = defects
            .iter()
            .map(|defect| json!({ "kind": defect.kind.name(), "detail": defect.detail }));
        put(&mut out, "defects", defects.collect::<Vec<_>>());
    }
    Value::Object(out)
}

fn tags(tags: &Tags, custom: bool) -> Map<String, Value> {
    tags.iter()
        .filter(|(field, _)| matches!(field, Field::Custom(_)) == custom)
        .map(|(field, values)| (field.name().to_owned(), json!(values)))
        .collect()
}

fn audio(audio: &AudioProperties) -> Value {
    let mut out = Map::new();
    optional(&mut out, "duration_ms", audio.duration_ms);
    optional(&mut out, "bitrate_kbps", audio.bitrate_kbps);
    optional(&mut out, "sample_rate_hz", audio.sample_rate_hz);
    optional(&mut out, "channels", audio.channels);
    optional(&mut out, "bit_depth", audio.bit_depth);
    optional(&mut out, "encoder", audio.encoder.as_deref());
    optional(&mut out, "audio_md5", audio.audio_md5.map(|md5| hex(&md5)));
    Value::Object(out)
}
