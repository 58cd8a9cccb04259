//! Single names: allowed, equal, numbered.

use eventlog::event::NameProfile::{Posix, Windows};

use crate::layout::names::{
    MAX_BYTES, MAX_FILE_BYTES, conflict_class, directory, file, key, numbered,
};

#[test]
fn names_become_what_a_filesystem_takes() {
    for (raw, posix, windows) in [
        ("Abbey Road", "Abbey Road", "Abbey Road"),
        ("AC/DC", "AC_DC", "AC_DC"),
        (
            "...And You Will Know Us",
            "_..And You Will Know Us",
            "_..And You Will Know Us",
        ),
        ("", "_", "_"),
        (".", "_", "_"),
        ("..", "_.", "__"),
        ("  \t ", "_", "_"),
        (" a ", "a", "a"),
        ("a\0b\nc\u{7f}\u{85}d", "a_b_c__d", "a_b_c__d"),
        ("a\u{2028}b", "a_b", "a_b"),
        ("R.E.M.", "R.E.M.", "R.E.M_"),
        ("Wait...", "Wait...", "Wait.._"),
        ("a. ", "a.", "a_"),
        ("<a>:\"b\\c|d?*", "<a>:\"b\\c|d?*", "_a___b_c_d__"),
        ("con", "con", "con_"),
        ("Con.tour", "Con.tour", "Con_.tour"),
        ("NUL .x", "NUL .x", "NUL_ .x"),
        ("COM1", "COM1", "COM1_"),
        ("lpt²", "lpt²", "lpt²_"),
        ("COM0", "COM0", "COM0"),
        ("COM10", "COM10", "COM10"),
        ("CONAN", "CONAN", "CONAN"),
        ("מוזיקה", "מוזיקה", "מוזיקה"),
        ("exe\u{202e}3pm.\u{2066}", "exe_3pm._", "exe_3pm._"),
        ("Cafe\u{301}", "Café", "Café"),
        ("각", "각", "각"),
    ] {
        assert_eq!(directory(raw, Posix), posix, "{raw:?}");
        assert_eq!(directory(raw, Windows), windows, "{raw:?}");
        assert_eq!(file(raw, Windows), windows, "{raw:?}");
    }
}

#[test]
fn long_names_are_cut_between_characters() {
    let a = "a".repeat(300);
    assert_eq!(directory(&a, Posix), "a".repeat(MAX_BYTES));
    assert_eq!(
        file(&format!("{a}.flac"), Posix),
        format!("{}.flac", "a".repeat(MAX_FILE_BYTES - 5))
    );
    assert_eq!(file(&a, Posix).len(), MAX_FILE_BYTES);

    let cjk = directory(&"音".repeat(100), Posix);
    assert_eq!(cjk, "音".repeat(MAX_BYTES / 3));

    let family = "👨‍👩‍👧";
    let cut = directory(&format!("aa{}", family.repeat(20)), Posix);
    assert_eq!(
        cut,
        format!("aa{}", family.repeat(14)),
        "no family is torn apart"
    );

    let accents = format!("{}q\u{303}\u{308}", "a".repeat(252));
    assert_eq!(
        directory(&accents, Posix),
        "a".repeat(252),
        "no letter loses its accent"
    );

    let zalgo = format!("a{}", "\u{489}".repeat(300));
    assert!(
        directory(&zalgo, Posix).len() > MAX_BYTES - 2,
        "one endless character is cut all the same"
    );

    let blanks = format!("{} {}", "a".repeat(254), "b".repeat(20));
    assert_eq!(
        directory(&blanks, Posix),
        "a".repeat(254),
        "no blank is left at the end"
    );
    let device = format!("CON{}x", " ".repeat(260));
    assert_eq!(directory(&device, Windows), "CON_");
}

#[test]
fn numbers_go_before_the_extension() {
    for (name, expected) in [
        ("a.flac", "a (2).flac"),
        ("a", "a (2)"),
        ("Vol. 3", "Vol. 3 (2)"),
        ("a.b c", "a.b c (2)"),
        (".flac", ".flac (2)"),
        ("a (2).flac", "a (2) (2).flac"),
    ] {
        assert_eq!(numbered(name, 2), expected);
    }
    let longest = file(&format!("{}.flac", "a".repeat(300)), Posix);
    assert_eq!(numbered(&longest, u32::MAX).len(), MAX_BYTES);
}

#[test]
fn names_compare_as_their_profile_does() {
    assert_ne!(key("ABC", Posix), key("abc", Posix));
    for (a, b) in [
        ("ABC", "abc"),
        ("ÉTÉ", "été"),
        ("ΣΑΣ", "σας"),
        ("J\u{30c}", "ǰ"),
    ] {
        assert_eq!(key(a, Windows), key(b, Windows), "{a} {b}");
    }
    assert_ne!(key("Straße", Windows), key("Strasse", Windows));
}

#[test]
fn what_could_meet_is_of_one_class() {
    let class = conflict_class("Intro.flac");
    for other in [
        "Intro (2).flac",
        "Intro (2) (3).flac",
        "INTRO.flac",
        "intro (99).FLAC",
    ] {
        assert_eq!(conflict_class(other), class, "{other}");
    }
    for other in [
        "Intro.mp3",
        "Intro (live).flac",
        "Intro2.flac",
        "Intro ().flac",
    ] {
        assert_ne!(conflict_class(other), class, "{other}");
    }
    assert_eq!(
        conflict_class("a (2).ſ"),
        conflict_class("a.S"),
        "equal to Windows"
    );
}

#[test]
fn classes_are_the_same_for_ever() {
    assert_eq!(
        conflict_class("Intro (2).flac"),
        CLASS_OF_INTRO,
        "stored rows depend on it"
    );
}

/// BLAKE3 of `intro.flac`, its first eight bytes, little-endian.
const CLASS_OF_INTRO: u64 = 6_744_745_706_993_404_589;
