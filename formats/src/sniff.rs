//! What a file is: by its first bytes, and by its name.

use eventlog::tags::AudioFormat;

use crate::containers::Container;

/// What the extensions that we read promise; the first format is the likeliest.
const EXTENSIONS: &[(&str, &[AudioFormat])] = {
    use AudioFormat::{
        Aac, Adts, Aiff, Alac, Ape, Flac, M4b, Mp3, Mp4, Musepack, OggFlac, OggVorbis, Opus, Speex,
        Wav, WavPack,
    };
    const OGG: &[AudioFormat] = &[OggVorbis, Opus, Speex, OggFlac];
    const MP4: &[AudioFormat] = &[Aac, Alac, Mp4, M4b];
    &[
        ("flac", &[Flac]),
        ("mp3", &[Mp3]),
        ("ogg", OGG),
        ("oga", OGG),
        ("opus", &[Opus]),
        ("spx", &[Speex]),
        ("m4a", MP4),
        ("m4b", &[M4b, Aac, Alac, Mp4]),
        ("m4p", MP4),
        ("aac", &[Adts]),
        ("wav", &[Wav]),
        ("wave", &[Wav]),
        ("aif", &[Aiff]),
        ("aiff", &[Aiff]),
        ("aifc", &[Aiff]),
        ("wv", &[WavPack]),
        ("ape", &[Ape]),
        ("mpc", &[Musepack]),
        ("mp+", &[Musepack]),
        ("mpp", &[Musepack]),
    ]
};

/// True where a file of that name is worth reading as audio: `flac mp3 ogg oga opus spx m4a m4b
/// m4p aac wav wave aif aiff aifc wv ape mpc mp+ mpp`, in upper or lower case.
///
/// Not `mp4`, which is mostly film, and not the `._name` files that macOS leaves on shares, which
/// hold no sound whatever their name.
#[must_use]
pub fn is_audio_name(name: &[u8]) -> bool {
    promised(name).is_some() && !name.starts_with(b"._")
}

/// The formats that a file of that name may have; none where the name promises no audio.
pub(crate) fn promised(name: &[u8]) -> Option<&'static [AudioFormat]> {
    let dot = name
        .iter()
        .rposition(|byte| *byte == b'.')
        .filter(|dot| *dot > 0)?;
    let extension = name.get(dot + 1..)?;
    EXTENSIONS
        .iter()
        .find(|(known, _)| extension.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, formats)| *formats)
}

/// The format of a file whose content tells `content` and whose name promises `promised`, and what
/// is wrong with the name. Nothing else of what is read depends on the name.
pub(crate) fn settle(
    content: Option<AudioFormat>,
    promised: &[AudioFormat],
) -> (Option<AudioFormat>, Option<String>) {
    let likeliest = promised.first().copied();
    let format = match (content, likeliest) {
        (None, likeliest) => return (likeliest, None),
        // The one thing that content leaves open: few writers mark audiobooks as such inside.
        (Some(AudioFormat::Aac), Some(AudioFormat::M4b)) => AudioFormat::M4b,
        (Some(format), _) => format,
    };
    let wrong = !promised.is_empty() && !promised.contains(&format);
    let detail = || format!("the content is {}, the name says otherwise", format.name());
    (Some(format), wrong.then(detail))
}

/// The container whose first bytes these are. Streams of MPEG or ADTS frames have no such bytes.
pub(crate) fn container(bytes: &[u8]) -> Option<Container> {
    let at = |offset: usize, magic: &[u8]| {
        bytes
            .get(offset..)
            .is_some_and(|bytes| bytes.starts_with(magic))
    };
    let riff = at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64");
    let form = at(8, b"AIFF") || at(8, b"AIFC");
    let kinds = [
        (at(0, b"fLaC"), Container::Flac),
        (at(0, b"OggS"), Container::Ogg),
        (at(4, b"ftyp") || at(4, b"moov"), Container::Mp4),
        (riff && at(8, b"WAVE"), Container::Wav),
        (at(0, b"FORM") && form, Container::Aiff),
        (at(0, b"wvpk"), Container::WavPack),
        (at(0, b"MAC "), Container::Ape),
        (at(0, b"MPCK") || at(0, b"MP+"), Container::Musepack),
    ];
    kinds.into_iter().find_map(|(is, kind)| is.then_some(kind))
}

/// What bytes that are no audio look like, for people.
pub(crate) fn describe(bytes: &[u8]) -> &'static str {
    let start = bytes.get(..512).unwrap_or(bytes).trim_ascii_start();
    let html = [&b"<!doctype html"[..], b"<html", b"<?xml"]
        .iter()
        .any(|tag| {
            start
                .get(..tag.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(tag))
        });
    let plain = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    if bytes.is_empty() {
        "the file is empty"
    } else if bytes.iter().all(|byte| *byte == 0) {
        "the file begins with nothing but zeros: its content was never written, or is lost"
    } else if html {
        "the file is a web page or XML"
    } else if start.iter().all(plain) && std::str::from_utf8(start).is_ok() {
        "the file is text"
    } else {
        "the content is of no audio format that is known"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_decides_only_what_content_leaves_open() {
        use AudioFormat::{Aac, Flac, M4b, Mp3};
        let settled = |content, name: &[u8]| {
            let (format, wrong) = settle(content, promised(name).unwrap_or_default());
            (format, wrong.is_some())
        };
        assert_eq!(settled(Some(Aac), b"book.m4a"), (Some(Aac), false));
        assert_eq!(settled(Some(Aac), b"book.m4b"), (Some(M4b), false));
        assert_eq!(settled(Some(M4b), b"book.m4a"), (Some(M4b), false));
        assert_eq!(settled(Some(Flac), b"book.m4b"), (Some(Flac), true));
        assert_eq!(settled(Some(Flac), b"book"), (Some(Flac), false));
        assert_eq!(settled(None, b"a.mp3"), (Some(Mp3), false));
        assert_eq!(settled(None, b"a"), (None, false));
    }

    #[test]
    fn names() {
        for name in [
            &b"a.flac"[..],
            b"A.FLAC",
            b"a.b.Mp3",
            b"\xff.opus",
            b"x.mp+",
            b"x.aifc",
        ] {
            assert!(is_audio_name(name), "{}", name.escape_ascii());
        }
        for name in [
            &b"flac"[..],
            b".mp3",
            b"a.mp4",
            b"a.flac ",
            b"a.",
            b"",
            b"._a.mp3",
            b"a.cue",
        ] {
            assert!(!is_audio_name(name), "{}", name.escape_ascii());
        }
    }
}
