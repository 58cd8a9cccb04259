//! What holds for all names, tags and templates, hostile ones included (SEC-1).

use eventlog::event::NameProfile;
use eventlog::id::OriginPath;
use eventlog::tags::{AudioFormat, Field, Tags};
use proptest::prelude::*;
use unicode_normalization::is_nfc;

use super::{from_bytes, media};
use crate::layout::names::{
    MAX_BYTES, MAX_FILE_BYTES, conflict_class, directory, file, key, numbered,
};
use crate::layout::{Layout, NameInputs, Template};

/// Text that is likely to be trouble.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        2 => "[a-z]{1,4}",
        4 => prop::sample::select(vec![
            ".", "..", "/", "\\", " ", " (2)", " (", ")", "\0", "\n", "CON", "nul", "COM¹", ".flac",
            "\u{301}", "\u{30c}", "\u{200d}", "👩", "\u{202e}", "K", "ſ", "ı", "İ", "J", "각", "ß",
            "<", ":", "*", "\u{fffd}", "\u{2028}", "\u{3000}", "\u{1f88}", "\u{345}",
        ]).prop_map(str::to_owned),
    ];
    (prop::collection::vec(piece, 0..24), 1..40_usize)
        .prop_map(|(pieces, times)| pieces.concat().repeat(if times > 30 { times } else { 1 }))
}

fn profile() -> impl Strategy<Value = NameProfile> {
    prop::sample::select(vec![NameProfile::Posix, NameProfile::Windows])
}

fn assert_valid(name: &str, profile: NameProfile, limit: usize) {
    assert!(
        !name.is_empty() && name.len() <= limit,
        "{name:?} is of {} bytes",
        name.len()
    );
    assert!(
        !name.starts_with('.') && name.trim() == name && is_nfc(name),
        "{name:?}"
    );
    assert!(
        !name.contains(|char: char| char == '/' || char.is_control()),
        "{name:?}"
    );
    if profile == NameProfile::Windows {
        assert!(
            !name.contains(['<', '>', ':', '"', '\\', '|', '?', '*']),
            "{name:?}"
        );
        assert!(!name.ends_with(['.', ' ']), "{name:?}");
        let base = name
            .split('.')
            .next()
            .unwrap()
            .trim_end()
            .to_ascii_uppercase();
        assert!(
            !["CON", "NUL", "COM1", "COM¹"].contains(&base.as_str()),
            "{name:?}"
        );
    }
}

/// A file's name, its format and its tags.
type Facts = (Vec<u8>, Option<AudioFormat>, Tags);

fn facts() -> impl Strategy<Value = Facts> {
    let fields = prop::sample::select(vec![
        "artist",
        "albumartist",
        "album",
        "title",
        "track",
        "disc",
        "disctotal",
        "date",
        "genre",
        "X",
    ]);
    let tags = prop::collection::vec((fields, hostile()), 0..8);
    let name = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..40),
        hostile().prop_map(String::into_bytes)
    ];
    let format = prop::option::of(prop::sample::select(AudioFormat::ALL.to_vec()));
    (name, format, tags).prop_map(|(mut name, format, tags)| {
        let mut all = Tags::new();
        for (field, value) in tags {
            all.push(Field::from_name(field), &value);
        }
        name.retain(|byte| !matches!(byte, b'/' | 0));
        name.insert(0, b'x');
        (name, format, all)
    })
}

fn inputs() -> impl Strategy<Value = NameInputs> {
    facts().prop_map(|(name, format, tags)| from_bytes(&name, format, tags))
}

fn template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "$artist",
        "$title",
        "$track",
        "$disc",
        "$format",
        "$origin",
        "${tag:x}",
        "${genre|date}",
        "/",
        "<",
        ">",
        " - ",
        ".",
        "\\",
        "$",
        "_",
        "é",
        "CON",
        "..",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 1..16).prop_map(|pieces| pieces.concat()),
        hostile()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_name_is_valid_and_stays_as_it_is(raw in hostile(), profile in profile()) {
        let name = directory(&raw, profile);
        assert_valid(&name, profile, MAX_BYTES);
        prop_assert_eq!(directory(&name, profile), name);

        let name = file(&raw, profile);
        assert_valid(&name, profile, MAX_FILE_BYTES);
        prop_assert_eq!(file(&name, profile), name);
    }

    #[test]
    fn numbering_keeps_names_valid_different_and_in_their_class(
        raw in hostile(),
        profile in profile(),
        n in prop_oneof![2..200_u32, any::<u32>()],
    ) {
        let name = file(&raw, profile);
        let second = numbered(&name, n);
        assert_valid(&second, profile, MAX_BYTES);
        prop_assert_ne!(key(&second, profile), key(&name, profile));
        prop_assert_ne!(numbered(&name, n.wrapping_add(1)), second);
        prop_assert_eq!(conflict_class(&numbered(&raw, n)), conflict_class(&raw));
    }

    #[test]
    fn equal_names_are_of_one_class(raw in hostile()) {
        let name = file(&raw, NameProfile::Windows);
        for other in [name.to_uppercase(), name.to_lowercase()] {
            let other = file(&other, NameProfile::Windows);
            if key(&name, NameProfile::Windows) == key(&other, NameProfile::Windows) {
                prop_assert_eq!(conflict_class(&name), conflict_class(&other));
            }
        }
        let key_of_key = key(&key(&name, NameProfile::Windows), NameProfile::Windows).into_owned();
        prop_assert_eq!(key_of_key, key(&name, NameProfile::Windows));
    }

    #[test]
    fn every_track_has_a_place(
        inputs in inputs(),
        template in template(),
        profile in profile(),
        multi_disc in any::<bool>(),
    ) {
        let spec = eventlog::event::LayoutSpec { template, names: profile, duplicates: Default::default() };
        let layout = Layout::of_or_default(&spec);
        prop_assert_eq!(layout.spec().template.parse::<Template>().unwrap().to_string(), layout.spec().template);
        let place = layout.place(&inputs, multi_disc);
        prop_assert!(place.directories.len() < Template::MAX_PARTS);
        place.directories.iter().for_each(|name| assert_valid(name, profile, MAX_BYTES));
        assert_valid(&place.file, profile, MAX_FILE_BYTES);
        if let Some(format) = inputs.format() {
            prop_assert!(place.file.ends_with(&format!(".{format}")), "{}", place.file);
        }
    }

    #[test]
    fn naming_facts_survive_storage(inputs in inputs()) {
        let stored = rmp_serde::to_vec(&inputs).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<NameInputs>(&stored).unwrap(), inputs);
    }

    #[test]
    fn a_track_that_changed_is_named_as_if_seen_for_the_first_time(old in facts(), new in facts()) {
        let inputs = |(name, format, tags): &Facts| from_bytes(name, *format, tags.clone());
        let path = |(name, ..): &Facts| OriginPath::new(name.as_slice()).unwrap();
        let says = |(_, format, tags): &Facts| media(*format, tags.clone());
        let (old_name, old_format, old_tags) = old.clone();
        let (new_name, new_format, new_tags) = new.clone();

        let before = inputs(&old);
        prop_assert_eq!(before.updated(Some(&says(&new)), Some(&path(&new))), inputs(&new));
        prop_assert_eq!(
            before.updated(None, Some(&path(&new))),
            inputs(&(new_name, old_format, old_tags))
        );
        prop_assert_eq!(
            before.updated(Some(&says(&new)), None),
            inputs(&(old_name, new_format, new_tags))
        );
    }
}
