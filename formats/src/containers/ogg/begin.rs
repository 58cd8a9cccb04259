//! When an Ogg stream begins: at 0 where it is whole, at any time where it was cut from a
//! broadcast (RFC 7845 §4.5).

use std::io;

use super::codec::Held;
use super::page::Page;
use crate::source::Source;

/// The granule position before the first sample: that of the first page of audio, which stands at
/// `start`, less the samples of that page.
///
/// Opus tells those exactly. Elsewhere they cannot be known without the decoder's tables; the
/// most that the packets can hold stands for them. So a whole stream always begins at 0, and one
/// that was cut seems longer than it is by less than a page.
///
/// # Errors
/// What the origin said.
pub(super) fn granule(source: &mut Source<'_>, start: u64, held: Held) -> io::Result<u64> {
    let Some(page) = Page::at(source, start)? else {
        return Ok(0);
    };
    let Some(end) = page.granule else {
        return Ok(0);
    };
    let mut samples = 0_u64;
    for packet in page.packets() {
        samples = samples.saturating_add(match held {
            Held::Told => opus(source.at(packet, 2)?),
            Held::AtMost(most) => most,
        });
    }
    Ok(end.saturating_sub(samples))
}

/// Samples at 48 kHz of an Opus packet that begins like this (RFC 6716 §3.1, §3.2).
fn opus(packet: &[u8]) -> u64 {
    let Some((head, rest)) = packet.split_first() else {
        return 0;
    };
    let config = head >> 3;
    let frame = match (config, config & 3) {
        (0..12, 3) => 2880,
        (0..12, step) => 480 << step,
        (12..16, step) => 480 << (step & 1),
        (_, step) => 120 << step,
    };
    let frames = match head & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => rest.first().map_or(0, |count| u64::from(count & 0x3f)),
    };
    frame * frames
}

#[cfg(test)]
mod tests {
    use super::opus;

    #[test]
    fn durations_of_opus_packets() {
        for (packet, ms) in [
            (&[0_u8, 0][..], 10.0), // SILK
            (&[3 << 3, 0], 60.0),
            (&[11 << 3 | 1, 0], 120.0),
            (&[12 << 3, 0], 10.0), // hybrid
            (&[15 << 3, 0], 20.0),
            (&[16 << 3, 0], 2.5), // CELT
            (&[31 << 3 | 2, 0], 40.0),
            (&[31 << 3 | 3, 0x83], 60.0),
            (&[3], 0.0),
            (&[], 0.0),
        ] {
            let samples = u32::try_from(opus(packet)).unwrap();
            assert_eq!(f64::from(samples) / 48.0, ms, "{packet:?}");
        }
    }
}
