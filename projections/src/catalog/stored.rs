//! How the catalog keeps media and the like: MessagePack, in a shape of its own. No promise beyond
//! one code revision: another one rebuilds.

use eventlog::event::{OriginSpec, ScanSummary};
use eventlog::tags::{AudioProperties, ByteRange, Defect, DefectKind};
use eventlog::{AudioFormat, ContentId, Field, Media, Tags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sql::undecodable;

/// Media, with text borrowed for writing and owned for reading.
#[derive(Serialize, Deserialize)]
struct StoredMedia<S> {
    format: Option<S>,
    /// Well-known fields; a custom tag may have the name of one.
    known: Vec<(S, Vec<S>)>,
    custom: Vec<(S, Vec<S>)>,
    audio: StoredAudio<S>,
    audio_range: (u64, u64),
    content: [u8; 16],
    cover: Option<u64>,
    defects: Vec<(S, S)>,
}

#[derive(Serialize, Deserialize)]
struct StoredAudio<S> {
    duration_ms: Option<u64>,
    bitrate_kbps: Option<u32>,
    sample_rate_hz: Option<u32>,
    channels: Option<u8>,
    bit_depth: Option<u8>,
    encoder: Option<S>,
    audio_md5: Option<[u8; 16]>,
}

pub(super) fn encode_media(media: &Media) -> rusqlite::Result<Vec<u8>> {
    let audio = &media.audio;
    let tags = |is_wanted: fn(&Field) -> bool| {
        let wanted = media.tags.iter().filter(|(field, _)| is_wanted(field));
        wanted
            .map(|(field, values)| (field.name(), values.iter().map(String::as_str).collect()))
            .collect()
    };
    encode(&StoredMedia {
        format: media.format.map(AudioFormat::name),
        known: tags(|field| !is_custom(field)),
        custom: tags(is_custom),
        audio: StoredAudio {
            duration_ms: audio.duration_ms,
            bitrate_kbps: audio.bitrate_kbps,
            sample_rate_hz: audio.sample_rate_hz,
            channels: audio.channels,
            bit_depth: audio.bit_depth,
            encoder: audio.encoder.as_deref(),
            audio_md5: audio.audio_md5,
        },
        audio_range: (media.audio_range.offset, media.audio_range.len),
        content: media.content.0,
        cover: media.cover,
        defects: media
            .defects
            .iter()
            .map(|defect| (defect.kind.name(), defect.detail.as_str()))
            .collect(),
    })
}

pub(super) fn decode_media(bytes: &[u8]) -> rusqlite::Result<Media> {
    let stored: StoredMedia<String> = decode(bytes)?;
    let mut tags = Tags::new();
    for (field, values) in &stored.known {
        tags.set(&Field::from_name(field), values);
    }
    for (field, values) in &stored.custom {
        tags.set(&Field::Custom(field.as_str().into()), values);
    }
    let defect = |(kind, detail): (String, String)| {
        DefectKind::from_name(&kind).map(|kind| Defect { kind, detail })
    };
    let audio = stored.audio;
    Ok(Media {
        format: stored.format.as_deref().and_then(AudioFormat::from_name),
        tags,
        audio: AudioProperties {
            duration_ms: audio.duration_ms,
            bitrate_kbps: audio.bitrate_kbps,
            sample_rate_hz: audio.sample_rate_hz,
            channels: audio.channels,
            bit_depth: audio.bit_depth,
            encoder: audio.encoder,
            audio_md5: audio.audio_md5,
        },
        audio_range: ByteRange {
            offset: stored.audio_range.0,
            len: stored.audio_range.1,
        },
        content: ContentId(stored.content),
        cover: stored.cover,
        defects: stored.defects.into_iter().filter_map(defect).collect(),
    })
}

const fn is_custom(field: &Field) -> bool {
    matches!(field, Field::Custom(_))
}

pub(super) fn encode_spec(spec: &OriginSpec) -> rusqlite::Result<Vec<u8>> {
    encode(&(&spec.kind, &spec.name, &spec.root, &spec.options))
}

pub(super) fn decode_spec(bytes: &[u8]) -> rusqlite::Result<OriginSpec> {
    let (kind, name, root, options) = decode(bytes)?;
    Ok(OriginSpec {
        kind,
        name,
        root,
        options,
    })
}

pub(super) fn encode_summary(s: &ScanSummary) -> rusqlite::Result<Vec<u8>> {
    encode(&(
        s.complete, s.whole, s.listed, s.added, s.changed, s.moved, s.vanished, s.errors,
    ))
}

pub(super) fn decode_summary(bytes: &[u8]) -> rusqlite::Result<ScanSummary> {
    let (complete, whole, listed, added, changed, moved, vanished, errors) = decode(bytes)?;
    Ok(ScanSummary {
        complete,
        whole,
        listed,
        added,
        changed,
        moved,
        vanished,
        errors,
    })
}

fn encode(value: &impl Serialize) -> rusqlite::Result<Vec<u8>> {
    rmp_serde::to_vec(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> rusqlite::Result<T> {
    rmp_serde::from_slice(bytes).map_err(undecodable)
}
