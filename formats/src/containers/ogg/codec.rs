//! What an Ogg stream's first packet tells.

use eventlog::tags::AudioFormat;

use crate::bytes::Bytes;
use crate::containers::flac::StreamInfo;
use crate::sheet::Sheet;

/// How many samples a packet decodes to.
#[derive(Clone, Copy)]
pub(super) enum Held {
    /// As many as its first bytes tell (Opus).
    Told,
    /// No more than that many.
    AtMost(u64),
}

/// A stream's codec.
pub(super) struct Codec {
    pub(super) format: AudioFormat,
    /// Samples a second of the granule positions.
    pub(super) rate: u32,
    /// Samples that are decoded and dropped at the beginning.
    pub(super) pre_skip: u64,
    /// Packets before the first of audio; none where the stream does not tell.
    pub(super) headers: Option<usize>,
    pub(super) held: Held,
    channels: u8,
    flac: Option<StreamInfo>,
}

impl Codec {
    /// The codec whose first packet is `packet`.
    pub(super) fn identify(packet: &[u8]) -> Option<Self> {
        vorbis(packet)
            .or_else(|| opus(packet))
            .or_else(|| speex(packet))
            .or_else(|| flac(packet))
    }

    fn new(
        format: AudioFormat,
        rate: u32,
        channels: u8,
        headers: Option<usize>,
        held: Held,
    ) -> Self {
        Self {
            format,
            rate,
            pre_skip: 0,
            headers,
            held,
            channels,
            flac: None,
        }
    }

    /// Bytes before the comment block in the second packet.
    pub(super) fn comment_magic_len(&self) -> usize {
        self.comment_magic().map_or(4, <[u8]>::len)
    }

    /// Whether the second packet, which begins with `magic`, is the comment.
    pub(super) fn is_comment(&self, magic: &[u8]) -> bool {
        match self.comment_magic() {
            Some(expected) => magic == expected,
            // FLAC's is a metadata block with its header.
            None => magic.first().is_some_and(|head| head & 0x7f == 4),
        }
    }

    fn comment_magic(&self) -> Option<&'static [u8]> {
        match self.format {
            AudioFormat::OggVorbis => Some(b"\x03vorbis"),
            AudioFormat::Opus => Some(b"OpusTags"),
            AudioFormat::Speex => Some(b""),
            _ => None,
        }
    }

    /// Tells the sheet how the stream sounds.
    pub(super) fn describe(&self, sheet: &mut Sheet) {
        sheet.audio.sample_rate_hz = Some(self.rate).filter(|rate| *rate > 0);
        sheet.audio.channels = Some(self.channels).filter(|channels| *channels > 0);
        if let Some(info) = self.flac {
            info.describe(sheet);
        }
    }
}

/// Vorbis I, §4.2.2.
fn vorbis(packet: &[u8]) -> Option<Codec> {
    let mut bytes = Bytes(packet);
    bytes.tag(b"\x01vorbis\0\0\0\0")?;
    let channels = bytes.u8()?;
    let rate = bytes.u32_le()?;
    bytes.skip(12)?;
    // Two block sizes as powers of two, the larger in the high bits. Blocks overlap by half.
    let held = Held::AtMost(1 << (bytes.u8()? >> 4) >> 1);
    let format = AudioFormat::OggVorbis;
    Some(Codec::new(format, rate, channels, Some(3), held))
}

/// RFC 7845 §5.1. Opus always decodes at 48 kHz, whatever was put in.
fn opus(packet: &[u8]) -> Option<Codec> {
    let mut bytes = Bytes(packet);
    bytes.tag(b"OpusHead")?;
    let _version = bytes.u8()?;
    let channels = bytes.u8()?;
    let pre_skip = bytes.u16_le()?.into();
    Some(Codec {
        pre_skip,
        ..Codec::new(AudioFormat::Opus, 48_000, channels, Some(2), Held::Told)
    })
}

/// The Speex manual, §7.
fn speex(packet: &[u8]) -> Option<Codec> {
    let mut bytes = Bytes(packet);
    bytes.tag(b"Speex   ")?;
    bytes.skip(20 + 4 + 4)?;
    let rate = bytes.u32_le()?;
    bytes.skip(8)?;
    let channels = u8::try_from(bytes.u32_le()?).ok()?;
    bytes.skip(4)?;
    let frame = u64::from(bytes.u32_le()?);
    bytes.skip(4)?;
    let frames = u64::from(bytes.u32_le()?);
    let extra = usize::try_from(bytes.u32_le()?).ok()?;
    Some(Codec::new(
        AudioFormat::Speex,
        rate,
        channels,
        Some(extra.saturating_add(2)),
        Held::AtMost(frame.saturating_mul(frames)),
    ))
}

/// RFC 9639 §10.1.
fn flac(packet: &[u8]) -> Option<Codec> {
    let mut bytes = Bytes(packet);
    bytes.tag(b"\x7fFLAC")?;
    bytes.skip(2)?;
    let headers = bytes
        .u16_be()
        .filter(|count| *count > 0)
        .map(|count| usize::from(count) + 1);
    bytes.tag(b"fLaC")?;
    bytes.skip(4)?;
    let info = StreamInfo::parse(bytes.0)?;
    let held = Held::AtMost(info.max_block.into());
    let format = AudioFormat::OggFlac;
    let codec = Codec::new(format, info.rate, info.channels, headers, held);
    Some(Codec {
        flac: Some(info),
        ..codec
    })
}
