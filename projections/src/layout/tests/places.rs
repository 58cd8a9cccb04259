//! What people expect to find, tag by tag.

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use eventlog::tags::AudioFormat;

use super::{from_bytes, path, path_in, track, track_at};
use crate::layout::{Layout, Template};

const BLUE_TRAIN: &[(&str, &str)] = &[
    ("artist", "John Coltrane"),
    ("album", "Blue Train"),
    ("title", "Moment's Notice"),
    ("track", "2"),
    ("date", "1958-01-15"),
];

fn blue_train(more: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let base = BLUE_TRAIN
        .iter()
        .filter(|(field, _)| more.iter().all(|(other, _)| other != field));
    base.chain(more)
        .map(|(field, value)| (leak(field), (*value).to_owned()))
        .collect()
}

fn leak(field: &str) -> &'static str {
    eventlog::tags::Field::KNOWN
        .iter()
        .map(eventlog::tags::Field::name)
        .find(|name| *name == field)
        .unwrap()
}

/// The default template's path for Blue Train with other or further tags; an empty one is none.
fn default_path(more: &[(&str, &str)], multi_disc: bool) -> String {
    let tags = blue_train(more);
    let tags: Vec<_> = tags
        .iter()
        .map(|(field, value)| (*field, value.as_str()))
        .collect();
    path(Template::DEFAULT, &track(&tags), multi_disc)
}

#[test]
fn the_default_template_names_what_is_there() {
    for (more, expected) in [
        (
            &[][..],
            "John Coltrane/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("date", "")],
            "John Coltrane/Blue Train [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("albumartist", "John Coltrane Sextet")],
            "John Coltrane Sextet/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("artist", "")],
            "Unknown Artist/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("album", "")],
            "John Coltrane/Unknown Album (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("title", "")],
            "John Coltrane/Blue Train (1958) [FLAC]/02 - original name.flac",
        ),
        (
            &[("track", "")],
            "John Coltrane/Blue Train (1958) [FLAC]/Moment's Notice.flac",
        ),
        (
            &[("track", "A1")],
            "John Coltrane/Blue Train (1958) [FLAC]/A1 - Moment's Notice.flac",
        ),
        (
            &[("track", "003/12")],
            "John Coltrane/Blue Train (1958) [FLAC]/03 - Moment's Notice.flac",
        ),
        (
            &[("track", "112")],
            "John Coltrane/Blue Train (1958) [FLAC]/112 - Moment's Notice.flac",
        ),
        (
            &[("compilation", "1")],
            "Various Artists/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("compilation", "1"), ("albumartist", "Blue Note")],
            "Blue Note/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("compilation", "0")],
            "John Coltrane/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
        (
            &[("artist", "AC/DC")],
            "AC_DC/Blue Train (1958) [FLAC]/02 - Moment's Notice.flac",
        ),
    ] {
        assert_eq!(default_path(more, false), expected, "{more:?}");
    }
}

#[test]
fn nothing_is_lost_without_any_tag() {
    let named = track_at("rips/07 Demo.mp3", Some(AudioFormat::Mp3), &[]);
    assert_eq!(
        path(Template::DEFAULT, &named, false),
        "Unknown Artist/Unknown Album [MP3]/07 Demo.mp3"
    );
    let unknown = track_at("Demo.XYZ", None, &[]);
    assert_eq!(
        path(Template::DEFAULT, &unknown, false),
        "Unknown Artist/Unknown Album [XYZ]/Demo.xyz"
    );
    let bare = track_at("Demo", None, &[]);
    assert_eq!(
        path(Template::DEFAULT, &bare, false),
        "Unknown Artist/Unknown Album []/Demo"
    );
    let bytes = from_bytes(
        b"a/Caf\xe9.flac",
        Some(AudioFormat::Flac),
        eventlog::tags::Tags::new(),
    );
    assert_eq!(path("$filename", &bytes, false), "Caf\u{fffd}.flac");
}

#[test]
fn discs_show_only_where_there_are_several() {
    let second = &[("disc", "2"), ("disctotal", "3")];
    assert_eq!(
        default_path(second, true),
        "John Coltrane/Blue Train (1958) [FLAC]/2-02 - Moment's Notice.flac"
    );
    let first = &[("disc", "01")];
    assert!(default_path(first, true).ends_with("/1-02 - Moment's Notice.flac"));
    assert!(default_path(first, false).ends_with("/02 - Moment's Notice.flac"));
    assert!(
        default_path(&[], true).ends_with("/02 - Moment's Notice.flac"),
        "no disc tag"
    );
}

#[test]
fn an_album_of_several_discs_is_recognised() {
    let hint = |tags| track(tags).is_multi_disc_hint();
    assert!(hint(&[("disc", "2")]));
    assert!(hint(&[("disc", "1/2"), ("disctotal", "2")]));
    assert!(!hint(&[("disc", "1"), ("disctotal", "1")]));
    assert!(!hint(&[("disc", "A")]));
    assert!(!hint(&[]));
}

#[test]
fn an_album_is_known_whatever_its_spelling() {
    let key = |tags| track(tags).album_key();
    let base = key(&[
        ("artist", "Beyoncé"),
        ("album", "Lemonade"),
        ("date", "2016-04-23"),
    ]);
    let same = key(&[
        ("albumartist", "BEYONCE\u{301}"),
        ("album", "LEMONADE"),
        ("date", "2016"),
    ]);
    assert_eq!(base, same);
    assert!(base.is_some());
    assert_ne!(
        base,
        key(&[
            ("artist", "Beyoncé"),
            ("album", "Lemonade"),
            ("date", "2019")
        ])
    );
    assert_ne!(
        base,
        key(&[
            ("artist", "Beyonce"),
            ("album", "Lemonade"),
            ("date", "2016")
        ])
    );
    assert_eq!(key(&[("artist", "Beyoncé")]), None);
}

#[test]
fn years_are_found_in_dates_of_any_kind() {
    for (date, year) in [
        ("1977", "1977"),
        ("1977-10-14", "1977"),
        ("14.10.1977", "1977"),
        ("19771014", "1977"),
        ("0000", ""),
        ("'77", ""),
        ("MMXX", ""),
    ] {
        assert_eq!(
            path("<$year>x.flac", &track(&[("date", date)]), false),
            format!("{year}x.flac")
        );
    }
    let reissue = track(&[("originaldate", "1959")]);
    assert_eq!(path("$year $date", &reissue, false), "1959 1959.flac");
    let both = track(&[("date", "unknown"), ("originaldate", "1959")]);
    assert_eq!(path("$year", &both, false), "1959.flac");
}

#[test]
fn several_values_make_one_name() {
    let duo = track(&[
        ("artist", "Ella Fitzgerald"),
        ("artist", "Louis Armstrong"),
        ("genre", "Jazz"),
        ("genre", "Vocal"),
        ("title", "Cheek to Cheek"),
    ]);
    assert_eq!(
        path("$genre/$albumartist/$artist - $title", &duo, false),
        "Jazz/Ella Fitzgerald/Ella Fitzgerald; Louis Armstrong - Cheek to Cheek.flac"
    );
}

#[test]
fn formats_are_called_what_people_call_them() {
    for (format, expected) in [
        (AudioFormat::Flac, "FLAC.flac"),
        (AudioFormat::OggVorbis, "OGG.ogg"),
        (AudioFormat::OggFlac, "FLAC.oga"),
        (AudioFormat::Aac, "AAC.m4a"),
        (AudioFormat::Alac, "ALAC.m4a"),
        (AudioFormat::Mp4, "M4A.m4a"),
        (AudioFormat::WavPack, "WV.wv"),
    ] {
        let inputs = track_at("a.bin", Some(format), &[]);
        assert_eq!(path("$format_upper", &inputs, false), expected);
    }
}

#[test]
fn what_is_absent_takes_its_separator_along() {
    let sparse = track(&[("title", "T"), ("artist", "A")]);
    for (template, expected) in [
        ("$track - $title", "T.flac"),
        ("$disc-$track - $title", "T.flac"),
        ("- $track - $title", "T.flac"),
        ("<$disc->$track - $title", "T.flac"),
        ("<$disc>-$title", "T.flac"),
        ("$artist - $genre - $title", "A - T.flac"),
        ("$title - $genre", "T.flac"),
        ("$title <[$genre]>", "T.flac"),
        ("$title ($genre)", "T ().flac"),
        ("Take $track of $title", "Take  of T.flac"),
        ("$genre/$composer/<$year>/$title", "T.flac"),
        ("$artist/<[$genre]>", "A/original name.flac"),
        ("$genre", "original name.flac"),
        ("- $title -", "- T -.flac"),
    ] {
        assert_eq!(path(template, &sparse, false), expected, "{template}");
    }
}

#[test]
fn choices_and_optional_texts() {
    let inputs = track(&[
        ("title", "T"),
        ("composer", "C"),
        ("disctotal", "2"),
        ("disc", "1"),
    ]);
    for (template, expected) in [
        ("${artist|composer} - $title", "C - T.flac"),
        ("${artist|albumartist}", "Unknown Artist.flac"),
        ("${genre|date}", "original name.flac"),
        ("<$artist - >$title", "T.flac"),
        ("<${artist|composer}: >$title", "C: T.flac"),
        (
            "<$disc< of $disctotal>< in $genre> - >$title",
            "1 of 2 - T.flac",
        ),
        ("<<$genre><$composer> >$title", "C T.flac"),
        ("<<$genre> >$title", "T.flac"),
        ("\\<$title\\> \\$1 \\\\", "<T> $1 \\.flac"),
        ("$disc_$title", "1_T.flac"),
        ("$disc2", "12.flac"),
    ] {
        assert_eq!(path(template, &inputs, true), expected, "{template}");
    }
}

#[test]
fn any_tag_can_be_part_of_a_name() {
    let inputs = track(&[
        ("MOOD", "calm"),
        ("label", "ECM"),
        ("title", "T"),
        ("HUGE", &"x".repeat(256)),
    ]);
    let expected = "calm/ECM/T.flac";
    assert_eq!(
        path(
            "${tag:mood}/${tag:Label}/${tag:HUGE|tag:TITLE}",
            &inputs,
            false
        ),
        expected
    );
    assert_eq!(path("${tag:nothing|tag:MOOD}", &inputs, false), "calm.flac");
}

#[test]
fn a_file_keeps_the_extension_of_its_format() {
    let inputs = track(&[("title", "T"), ("genre", "song.FLAC")]);
    for (template, expected) in [
        ("$title", "T.flac"),
        ("$title.$format", "T.flac"),
        ("$title.mp3", "T.mp3.flac"),
        ("$title [$format]", "T [flac].flac"),
        ("$genre", "song.flac"),
        ("$format", "flac.flac"),
        (".$format", "original name.flac"),
    ] {
        assert_eq!(path(template, &inputs, false), expected, "{template}");
    }
}

#[test]
fn the_windows_profile_reaches_every_part() {
    let inputs = track(&[
        ("artist", "R.E.M."),
        ("album", "AUX"),
        ("title", "What's the Frequency?"),
    ]);
    assert_eq!(
        path_in(
            "$artist/$album/$title",
            NameProfile::Windows,
            &inputs,
            false
        ),
        "R.E.M_/AUX_/What's the Frequency_.flac"
    );
    assert_eq!(
        path("$artist/$album/$title", &inputs, false),
        "R.E.M./AUX/What's the Frequency?.flac"
    );
}

#[test]
fn a_template_from_elsewhere_never_stops_the_fold() {
    let spec = LayoutSpec {
        template: "$future".to_owned(),
        names: NameProfile::Windows,
        duplicates: Duplicates::Content,
    };
    assert!(Layout::of(&spec).is_err());
    let layout = Layout::of_or_default(&spec);
    assert_eq!(layout.spec().template, Template::DEFAULT);
    assert_eq!(layout.profile(), NameProfile::Windows);
}
