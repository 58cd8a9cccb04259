//! One movie fragment: when it begins, and how long it is (ISO 14496-12 §8.8.6 to §8.8.8, §8.8.12).

use std::io;

use super::atoms::{Atom, children, descend};
use super::sound;
use crate::bytes::Bytes;
use crate::source::{MAX_READ, Source};

/// What the fragments of a track leave to the file's index.
pub(super) struct Track {
    id: u32,
    /// Units of its time in a second.
    pub(super) timescale: u32,
    /// How many of them a sample lasts that says nothing of its own.
    sample: u32,
}

/// A time within a track, in the track's units.
pub(super) struct Span {
    pub(super) begin: u64,
    pub(super) end: u64,
}

impl Track {
    /// The track that `trak` in `moov` describes.
    ///
    /// # Errors
    /// What the origin said.
    pub(super) fn read(
        source: &mut Source<'_>,
        moov: Atom,
        trak: Atom,
    ) -> io::Result<Option<Self>> {
        let Some(tkhd) = descend(source, trak, &[b"tkhd"])? else {
            return Ok(None);
        };
        let Some(id) = track_id(source.at(tkhd.body, 24)?) else {
            return Ok(None);
        };
        let Some(mdhd) = descend(source, trak, &[b"mdia", b"mdhd"])? else {
            return Ok(None);
        };
        let Some((timescale, _)) = sound::timing(source.at(mdhd.body, 32)?) else {
            return Ok(None);
        };
        let mut sample = 0;
        if let Some(mvex) = descend(source, moov, &[b"mvex"])? {
            for trex in children(source, mvex.body, mvex.end)? {
                // §8.8.3: flags, track, description, duration.
                if &trex.kind == b"trex"
                    && source.array(trex.body + 4)?.map(u32::from_be_bytes) == Some(id)
                {
                    let default = source.array(trex.body + 12)?;
                    sample = default.map_or(0, u32::from_be_bytes);
                }
            }
        }
        Ok(Some(Self {
            id,
            timescale,
            sample,
        }))
    }

    /// When the fragment `moof` has something of the track; nothing where it does not tell.
    ///
    /// # Errors
    /// What the origin said.
    pub(super) fn span(&self, source: &mut Source<'_>, moof: Atom) -> io::Result<Option<Span>> {
        for traf in children(source, moof.body, moof.end)? {
            let Some(tfhd) = descend(source, traf, &[b"tfhd"])? else {
                continue;
            };
            let Some((id, sample)) = fragment_header(source.at(tfhd.body, 24)?) else {
                continue;
            };
            if id != self.id {
                continue;
            }
            let Some(tfdt) = descend(source, traf, &[b"tfdt"])? else {
                return Ok(None);
            };
            let Some(begin) = decode_time(source.at(tfdt.body, 12)?) else {
                return Ok(None);
            };
            let mut end = begin;
            for trun in children(source, traf.body, traf.end)? {
                if &trun.kind == b"trun" {
                    let len = usize::try_from(trun.end - trun.body).unwrap_or(MAX_READ);
                    let run = source.at(trun.body, len)?;
                    let duration = run_duration(run, sample.unwrap_or(self.sample));
                    end = end.saturating_add(duration.unwrap_or(0));
                }
            }
            return Ok(Some(Span { begin, end }));
        }
        Ok(None)
    }
}

/// A track's number in its header (§8.3.2).
fn track_id(tkhd: &[u8]) -> Option<u32> {
    let mut bytes = Bytes(tkhd);
    let [version, ..] = bytes.array::<4>()?;
    bytes.skip(if version == 1 { 16 } else { 8 })?;
    bytes.u32_be()
}

/// The track's number, and how long a sample of the fragment lasts where that is told (§8.8.7).
fn fragment_header(tfhd: &[u8]) -> Option<(u32, Option<u32>)> {
    let mut bytes = Bytes(tfhd);
    let flags = bytes.u32_be()?;
    let id = bytes.u32_be()?;
    if flags & 0x01 != 0 {
        bytes.skip(8)?;
    }
    if flags & 0x02 != 0 {
        bytes.skip(4)?;
    }
    let sample = if flags & 0x08 != 0 {
        Some(bytes.u32_be()?)
    } else {
        None
    };
    Some((id, sample))
}

/// When the fragment begins (§8.8.12).
fn decode_time(tfdt: &[u8]) -> Option<u64> {
    let mut bytes = Bytes(tfdt);
    let [version, ..] = bytes.array::<4>()?;
    if version == 1 {
        bytes.u64_be()
    } else {
        bytes.u32_be().map(u64::from)
    }
}

/// How long the samples of a run are together (§8.8.8), `sample` each where they do not tell.
fn run_duration(trun: &[u8], sample: u32) -> Option<u64> {
    let mut bytes = Bytes(trun);
    let flags = bytes.u32_be()?;
    let count = bytes.u32_be()?;
    if flags & 0x0100 == 0 {
        return Some(u64::from(count) * u64::from(sample));
    }
    let before = usize::from(flags & 0x01 != 0) + usize::from(flags & 0x04 != 0);
    bytes.skip(4 * before)?;
    let mut sum = 0;
    for _ in 0..count {
        let mut numbers = Bytes(bytes.take(4 * (flags >> 8 & 0xf).count_ones() as usize)?);
        sum += u64::from(numbers.u32_be()?);
    }
    Some(sum)
}
