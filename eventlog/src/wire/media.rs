//! What a file says about itself, as stored within track events.

use std::borrow::Cow;

use super::Unfit;
use super::describe::shape;
use super::primitive::{Bytes16, CustomTags, KnownTags};
use crate::id::{ContentId, Revision};
use crate::tags::{AudioFormat, AudioProperties, ByteRange, Defect, DefectKind, Media};

shape! {
    /// A state of a file.
    RevisionV1<'a> {
        /// Bytes in the file.
        size: u64,
        /// Last modification, in nanoseconds since the Unix epoch; 0 where the origin has none.
        mtime_ns: i64,
        /// The origin's entity tag or object version.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        tag: Option<&'a str>,
    }

    /// What a file says about itself.
    MediaV2<'a> {
        /// The audio format's name; missing where the file is of no known one.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        format: Option<&'a str>,
        /// The well-known tags, by name. One value is text, several are an array.
        tags: KnownTags<'a>,
        /// All other tags, by their upper-case name, likewise.
        #[serde(default, skip_serializing_if = "CustomTags::is_empty")]
        custom: CustomTags<'a>,
        /// How the file sounds.
        #[serde(borrow)]
        audio: AudioV1<'a>,
        /// Where the audio is in the file, between the tags.
        audio_range: RangeV1,
        /// The identity of the sound: 128 bits of BLAKE3.
        content: Bytes16,
        /// Bytes of the picture that stands for the file; missing where it carries none, or none of
        /// 10 MiB or less.
        #[serde(skip_serializing_if = "Option::is_none")]
        cover: Option<u64>,
        /// What is wrong with the file; missing where nothing is.
        #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
        defects: Vec<DefectV1<'a>>,
    }

    /// What a file says about itself, without pictures.
    MediaV1<'a> {
        /// The audio format's name; missing where the file is of no known one.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        format: Option<&'a str>,
        /// The well-known tags, by name. One value is text, several are an array.
        tags: KnownTags<'a>,
        /// All other tags, by their upper-case name, likewise.
        #[serde(default, skip_serializing_if = "CustomTags::is_empty")]
        custom: CustomTags<'a>,
        /// How the file sounds.
        #[serde(borrow)]
        audio: AudioV1<'a>,
        /// Where the audio is in the file, between the tags.
        audio_range: RangeV1,
        /// The identity of the sound: 128 bits of BLAKE3.
        content: Bytes16,
        /// What is wrong with the file; missing where nothing is.
        #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
        defects: Vec<DefectV1<'a>>,
    }

    /// How a file sounds; what it does not tell is missing.
    AudioV1<'a> {
        /// Length, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
        /// Mean rate of the audio, in kbit/s.
        #[serde(skip_serializing_if = "Option::is_none")]
        bitrate_kbps: Option<u32>,
        /// Samples a second.
        #[serde(skip_serializing_if = "Option::is_none")]
        sample_rate_hz: Option<u32>,
        /// Channels.
        #[serde(skip_serializing_if = "Option::is_none")]
        channels: Option<u8>,
        /// Bits a sample, of lossless formats.
        #[serde(skip_serializing_if = "Option::is_none")]
        bit_depth: Option<u8>,
        /// What encoded it.
        #[serde(borrow, skip_serializing_if = "Option::is_none")]
        encoder: Option<&'a str>,
        /// FLAC's MD5 of the unencoded audio.
        #[serde(skip_serializing_if = "Option::is_none")]
        audio_md5: Option<Bytes16>,
    }

    /// A range of a file's bytes.
    RangeV1 {
        /// Bytes before it.
        offset: u64,
        /// Bytes in it.
        len: u64,
    }

    /// Something wrong with a file.
    DefectV1<'a> {
        /// What kind of thing, for machines.
        kind: &'a str,
        /// What is wrong, for people.
        detail: &'a str,
    }
}

impl<'a> RevisionV1<'a> {
    pub(super) fn new(revision: &'a Revision) -> Self {
        let Revision {
            size,
            mtime_ns,
            tag,
        } = revision;
        Self {
            size: *size,
            mtime_ns: *mtime_ns,
            tag: tag.as_deref(),
        }
    }

    pub(super) fn into_domain(self) -> Revision {
        Revision {
            size: self.size,
            mtime_ns: self.mtime_ns,
            tag: self.tag.map(Into::into),
        }
    }
}

impl MediaV1<'_> {
    pub(super) fn into_domain(self) -> Result<Media, Unfit> {
        let Self {
            format,
            tags,
            custom,
            audio,
            audio_range,
            content,
            defects,
        } = self;
        let lifted = MediaV2 {
            format,
            tags,
            custom,
            audio,
            audio_range,
            content,
            cover: None,
            defects,
        };
        lifted.into_domain()
    }
}

impl<'a> MediaV2<'a> {
    pub(super) fn new(media: &'a Media) -> Self {
        let Media {
            format,
            tags,
            audio,
            audio_range,
            content,
            cover,
            defects,
        } = media;
        Self {
            format: format.map(AudioFormat::name),
            tags: KnownTags(Cow::Borrowed(tags)),
            custom: CustomTags(Cow::Borrowed(tags)),
            audio: AudioV1::new(audio),
            audio_range: RangeV1 {
                offset: audio_range.offset,
                len: audio_range.len,
            },
            content: Bytes16(content.0),
            cover: *cover,
            defects: defects
                .iter()
                .map(|Defect { kind, detail }| DefectV1 {
                    kind: kind.name(),
                    detail,
                })
                .collect(),
        }
    }

    pub(super) fn into_domain(self) -> Result<Media, Unfit> {
        let mut tags = self.tags.0.into_owned();
        tags.append(self.custom.0.into_owned());
        Ok(Media {
            format: self
                .format
                .map(|name| AudioFormat::from_name(name).ok_or(Unfit::Newer))
                .transpose()?,
            tags,
            audio: self.audio.into_domain(),
            audio_range: ByteRange {
                offset: self.audio_range.offset,
                len: self.audio_range.len,
            },
            content: ContentId(self.content.0),
            cover: self.cover,
            defects: self
                .defects
                .into_iter()
                .map(|DefectV1 { kind, detail }| {
                    let kind = DefectKind::from_name(kind).ok_or(Unfit::Newer)?;
                    Ok(Defect {
                        kind,
                        detail: detail.to_owned(),
                    })
                })
                .collect::<Result<_, Unfit>>()?,
        })
    }
}

impl<'a> AudioV1<'a> {
    fn new(audio: &'a AudioProperties) -> Self {
        Self {
            duration_ms: audio.duration_ms,
            bitrate_kbps: audio.bitrate_kbps,
            sample_rate_hz: audio.sample_rate_hz,
            channels: audio.channels,
            bit_depth: audio.bit_depth,
            encoder: audio.encoder.as_deref(),
            audio_md5: audio.audio_md5.map(Bytes16),
        }
    }

    fn into_domain(self) -> AudioProperties {
        AudioProperties {
            duration_ms: self.duration_ms,
            bitrate_kbps: self.bitrate_kbps,
            sample_rate_hz: self.sample_rate_hz,
            channels: self.channels,
            bit_depth: self.bit_depth,
            encoder: self.encoder.map(str::to_owned),
            audio_md5: self.audio_md5.map(|md5| md5.0),
        }
    }
}
