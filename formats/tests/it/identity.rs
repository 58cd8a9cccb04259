//! ORG-4: retagging a file does not change its identity; other sound does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use eventlog::Field;
use eventlog::tags::Media;

use crate::harness::{audio_files, library, read_file};

const LONG: usize = 70_000;

/// Gives a file (first argument) a title of about so many bytes (second).
pub(crate) const RETAG: &str = r#"
import sys, mutagen, mutagen.id3
path, value = sys.argv[1], "Retagged " * (int(sys.argv[2]) // 9)
file = None if path.endswith(".aac") else mutagen.File(path)
if file is None:
    tags = mutagen.id3.ID3(path)
    tags.add(mutagen.id3.TIT2(encoding=3, text=[value]))
    tags.save(path)
else:
    if file.tags is None:
        file.add_tags()
    if isinstance(file.tags, mutagen.id3.ID3):
        file.tags.add(mutagen.id3.TIT2(encoding=3, text=[value]))
    elif type(file).__name__ == "MP4":
        file["\xa9nam"] = [value]
    elif "APEv2" in type(file.tags).__name__:
        file["Title"] = value
    else:
        file["TITLE"] = value
    file.save()
"#;

/// A copy of a file of the library to do things to.
fn copy(test: &str, file: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("identity")
        .join(test);
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(file);
    std::fs::copy(library().join("Formats").join(file), &path).unwrap();
    path
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    let status = status.unwrap_or_else(|error| panic!("{program}: {error}; is it installed?"));
    assert!(status.success(), "{program} {arguments:?}");
}

fn assert_same_sound(file: &str, before: &Media, after: &Media) {
    assert_ne!(before.tags, after.tags, "{file} was not retagged");
    assert_eq!(before.content, after.content, "{file}");
    assert_eq!(after.defects, [], "{file}");
}

/// Tags grown by 70 kB move the audio, and in Ogg renumber and repack its pages.
#[test]
fn retagging_in_place_keeps_it() {
    for file in [
        "flac.flac",
        "vorbis.ogg",
        "opus.opus",
        "oggflac.oga",
        "speex.spx",
        "aac.m4a",
        "faststart.m4a",
        "alac.m4a",
        "book.m4b",
        "adts.aac",
        "id3.wav",
        "info.wav",
        "aiff.aiff",
        "wavpack.wv",
        "musepack.mpc",
        "id3v22.mp3",
        "id3v23.mp3",
        "id3v24.mp3",
        "id3v1.mp3",
    ] {
        let path = copy("mutagen", file);
        let before = read_file(&path);
        for len in [LONG, 18] {
            run(
                "python3",
                &["-c", RETAG, path.to_str().unwrap(), &len.to_string()],
            );
            let mut after = read_file(&path);
            // A title of 70 kB is cut, and that is told.
            after
                .defects
                .retain(|defect| defect.kind.name() != "too_long");
            assert!(
                after
                    .tags
                    .first(&Field::Title)
                    .unwrap()
                    .starts_with("Retagged"),
                "{file}"
            );
            assert_same_sound(file, &before, &after);
        }
    }
}

/// The formats' own tools.
#[test]
fn retagging_with_native_tools_keeps_it() {
    let path = copy("native", "flac.flac");
    let before = read_file(&path);
    run(
        "metaflac",
        &[
            "--remove-all-tags",
            "--set-tag=TITLE=New",
            path.to_str().unwrap(),
        ],
    );
    assert_same_sound("flac.flac", &before, &read_file(&path));

    let path = copy("native", "vorbis.ogg");
    let before = read_file(&path);
    run(
        "vorbiscomment",
        &["-w", "-t", "TITLE=New", path.to_str().unwrap()],
    );
    assert_same_sound("vorbis.ogg", &before, &read_file(&path));

    let path = copy("native", "wavpack.wv");
    let before = read_file(&path);
    run("wvtag", &["-q", "-w", "Title=New", path.to_str().unwrap()]);
    assert_same_sound("wavpack.wv", &before, &read_file(&path));
}

/// A stream copied into a new file of its kind.
#[test]
fn copying_the_stream_keeps_it() {
    for file in [
        "flac.flac",
        "vorbis.ogg",
        "opus.opus",
        "aac.m4a",
        "alac.m4a",
        "info.wav",
        "aiff.aiff",
        "wavpack.wv",
        "id3v23.mp3",
        "id3v24.mp3",
    ] {
        let path = copy("ffmpeg", file);
        let out = path.with_file_name(format!("new {file}"));
        let (from, to) = (path.to_str().unwrap(), out.to_str().unwrap());
        run(
            "ffmpeg",
            &[
                "-nostdin",
                "-v",
                "error",
                "-y",
                "-i",
                from,
                "-c",
                "copy",
                "-metadata",
                "title=New",
                "-metadata:s:a:0",
                "title=New",
                to,
            ],
        );
        assert_same_sound(file, &read_file(&path), &read_file(&out));
    }
}

/// Streams of many pages, which retagging packs anew.
#[test]
fn long_ogg_streams_keep_it_too() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("identity/long");
    std::fs::create_dir_all(&dir).unwrap();
    for (file, codec) in [("long.ogg", "libvorbis"), ("long.opus", "libopus")] {
        let path = dir.join(file);
        let (noise, from) = (
            "anoisesrc=duration=20:sample_rate=48000",
            path.to_str().unwrap(),
        );
        let make = [
            "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", noise, "-c:a", codec,
        ];
        run("ffmpeg", &[&make[..], &["-b:a", "160k", from]].concat());
        let before = read_file(&path);
        assert!(before.audio_range.len > 256 << 10, "{file} is long");

        let out = dir.join(format!("new {file}"));
        let new = [
            "-c",
            "copy",
            "-metadata:s:a:0",
            "title=New",
            out.to_str().unwrap(),
        ];
        run(
            "ffmpeg",
            &[&["-nostdin", "-v", "error", "-y", "-i", from], &new[..]].concat(),
        );
        assert_same_sound(file, &before, &read_file(&out));

        run("python3", &["-c", RETAG, from, &LONG.to_string()]);
        let mut after = read_file(&path);
        after.defects.clear();
        assert_same_sound(file, &before, &after);
    }
}

/// Every sound in the library is another, whatever its format; a copy is the same.
#[test]
fn other_sound_is_another() {
    let mut seen: HashMap<_, PathBuf> = HashMap::new();
    for path in audio_files() {
        if let Some(other) = seen.insert(read_file(&path).content, path.clone()) {
            panic!(
                "{} and {} have one identity",
                path.display(),
                other.display()
            );
        }
    }
}
