//! TAG-4: whatever is done to a file, it is read without a panic and without an error.

use std::io;

use eventlog::tags::DefectKind;
use formats::ReadAt;

use crate::fragmented;
use crate::harness::{Memory, audio_files, checked_cover, defects, name_of, read_bytes, read_file};
use crate::pictures;

/// A small generator of numbers that are the same every time (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit.max(1)
    }
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    // Most of what is parsed is near the ends.
    let place = |dice: &mut Dice, len: usize| match dice.below(3) {
        0 => dice.below(len),
        1 => dice.below(len.min(600)),
        _ => len - 1 - dice.below(len.min(600)),
    };
    for _ in 0..=dice.below(8) {
        if bytes.is_empty() {
            return;
        }
        let at = place(dice, bytes.len());
        match dice.below(8) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let end = (at + dice.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => bytes[at] = 0xff,
            4 => bytes[at] = 0,
            _ => bytes[at] ^= 1 << dice.below(8),
        }
    }
}

#[test]
fn nothing_done_to_a_file_is_fatal() {
    // Of long files the beginning and the end, where everything is that is parsed.
    let short = |mut bytes: Vec<u8>| {
        if bytes.len() > 32 << 10 {
            bytes.drain(16 << 10..bytes.len() - (8 << 10));
        }
        bytes
    };
    let fragmented = fragmented::made("damaged.m4a", "dash+global_sidx", "1000000");
    let originals: Vec<_> = audio_files()
        .iter()
        .chain([&fragmented])
        .chain(&pictures::small())
        .map(|path| (name_of(path).to_vec(), short(std::fs::read(path).unwrap())))
        .collect();
    let mut dice = Dice(0x6d75_7369_6366_7321);
    for round in 0..20_000 {
        let (name, original) = &originals[dice.below(originals.len())];
        let mut bytes = original.clone();
        mutate(&mut dice, &mut bytes);
        let len = bytes.len() as u64;
        let file = Memory::new(bytes);
        let media = formats::read(&file, name).unwrap();
        checked_cover(&file, name, &media);
        let range = media.audio_range;
        assert!(
            range.offset + range.len <= len,
            "round {round}: audio behind the end"
        );
        let fault = media
            .defects
            .iter()
            .any(|defect| defect.detail.contains("fault of ours"));
        assert!(!fault, "round {round}: a parser panicked");
    }
}

/// Reading is a function of the bytes alone.
#[test]
fn the_same_bytes_say_the_same() {
    for path in audio_files() {
        assert_eq!(read_file(&path), read_file(&path), "{}", path.display());
    }
}

struct Failing;

impl ReadAt for Failing {
    fn len(&self) -> u64 {
        1 << 20
    }

    fn read_at(&self, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Only the origin's own errors are errors.
#[test]
fn an_origin_that_fails_is_an_error() {
    let error = formats::read(&Failing, b"x.flac").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

struct Shrunk;

impl ReadAt for Shrunk {
    fn len(&self) -> u64 {
        1 << 20
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let magic = b"fLaC\0\0\0\x22";
        let offset = usize::try_from(offset).unwrap().min(magic.len());
        let len = buf.len().min(magic.len() - offset);
        buf[..len].copy_from_slice(&magic[offset..offset + len]);
        Ok(len)
    }
}

/// A file that became shorter since it was listed is read as far as it goes.
#[test]
fn a_file_that_shrank_is_read_as_far_as_it_goes() {
    let media = formats::read(&Shrunk, b"x.flac").unwrap();
    assert!(!media.defects.is_empty());
}

/// What fuzzing found (`fuzz/fuzz_targets/tags.rs`): a panic, which ends in no more than a file of
/// which nothing is known. Each is now told for what it is.
#[test]
fn findings_of_the_fuzzer() {
    // Monkey's Audio: the lengths of the descriptor's parts are more than 64 bits hold.
    let lengths = [&b"MAC \xff\xff\0\0\x34\0\0\0"[..], &[0xff; 64]].concat();
    let media = read_bytes(lengths, "x.ape");
    assert_eq!(defects(&media), [DefectKind::Truncated]);
    assert!(media.audio.sample_rate_hz.is_some());
}
