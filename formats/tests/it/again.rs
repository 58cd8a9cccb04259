//! Files read again once something changed: the same is found, and little is fetched (CAS-3).

use std::path::{Path, PathBuf};

use eventlog::tags::Media;
use formats::Known;

use crate::harness::{Memory, audio_files, name_of, read_bytes};
use crate::identity::{RETAG, run};

/// What is fetched beyond all that is not sound, at most, in bytes.
const BEYOND: usize = 8_000;

/// What reading it again gives, and reading it as if nothing were known; how much that fetches.
fn again(name: &str, before: &[u8], after: Vec<u8>) -> (Media, Media, usize) {
    let known = read_bytes(before.to_vec(), name);
    let anew = read_bytes(after.clone(), name);
    let file = Memory::new(after);
    let known = Known {
        media: &known,
        size: before.len() as u64,
    };
    let again = formats::read_again(&file, name.as_bytes(), known).unwrap();
    (again, anew, file.bytes.get())
}

fn retag(path: &Path, len: usize) {
    let arguments = ["-c", RETAG, path.to_str().unwrap(), &len.to_string()];
    run("python3", &arguments);
}

/// A minute of noise in a file of that name, encoded like that.
fn noise(name: &str, encoder: &[&str]) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("again");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    let mut arguments = vec!["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"];
    arguments.push("anoisesrc=duration=60:color=pink:seed=7,aformat=channel_layouts=stereo");
    arguments.extend(["-metadata", "title=Noise"]);
    arguments.extend(encoder);
    arguments.push(path.to_str().unwrap());
    run("ffmpeg", &arguments);
    path
}

#[test]
fn other_tags_cost_their_bytes_and_a_few_samples() {
    for (name, encoder) in [
        ("noise.flac", &["-c:a", "flac"][..]),
        (
            "hires.flac",
            &["-c:a", "flac", "-ar", "96000", "-sample_fmt", "s32"],
        ),
        ("cbr.mp3", &["-c:a", "libmp3lame", "-b:a", "320k"]),
        (
            "vbr.mp3",
            &["-c:a", "libmp3lame", "-q:a", "2", "-write_id3v1", "1"],
        ),
        ("rear.m4a", &["-c:a", "aac"]),
        ("front.m4a", &["-c:a", "aac", "-movflags", "faststart"]),
        ("noise.opus", &["-c:a", "libopus", "-b:a", "256k"]),
        ("noise.ogg", &["-c:a", "libvorbis", "-q:a", "8"]),
        ("noise.oga", &["-c:a", "flac", "-f", "ogg"]),
        ("noise.wv", &["-c:a", "wavpack"]),
        ("noise.wav", &["-c:a", "pcm_s16le"]),
        ("noise.aiff", &["-c:a", "pcm_s16be", "-write_id3v2", "1"]),
    ] {
        let path = noise(name, encoder);
        for len in [200, 30_000, 60] {
            let before = std::fs::read(&path).unwrap();
            retag(&path, len);
            let after = std::fs::read(&path).unwrap();
            let size = after.len();
            let (again, anew, fetched) = again(name, &before, after);
            assert_eq!(again, anew, "{name}");
            assert!(again.defects.is_empty(), "{name}: {:?}", again.defects);
            let sound = usize::try_from(again.audio_range.len).unwrap();
            let beyond = fetched.saturating_sub(size - sound);
            assert!(beyond <= BEYOND, "{name}, {len}: {beyond} of {fetched}");
        }
    }
}

/// Whatever became of a file, what is known of it changes nothing in what is found.
#[test]
fn what_is_known_changes_nothing_that_is_found() {
    for path in audio_files() {
        let name = String::from_utf8_lossy(name_of(&path)).into_owned();
        let before = std::fs::read(&path).unwrap();
        let len = before.len();
        let with = |edit: fn(&mut Vec<u8>)| {
            let mut after = before.clone();
            edit(&mut after);
            after
        };
        for (what, after) in [
            ("as it was", before.clone()),
            ("cut off", before[..len - len / 5].to_vec()),
            (
                "grown",
                with(|bytes| bytes.extend_from_slice(&[0x55; 3_000])),
            ),
            ("emptied", Vec::new()),
            (
                "another head",
                with(|bytes| bytes.iter_mut().take(300).for_each(|b| *b ^= 0x55)),
            ),
            (
                "another end",
                with(|bytes| bytes.iter_mut().rev().take(300).for_each(|b| *b ^= 0x55)),
            ),
        ] {
            let (again, anew, _) = again(&name, &before, after);
            assert_eq!(again, anew, "{name}: {what}");
            let (again, anew, _) = self::again(&name, &before[..len / 2], before.clone());
            assert_eq!(again, anew, "{name}: whole at last");
        }
    }
}
