//! Any text is a template or an error; any template gives any track a valid place.

#![no_main]

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use eventlog::id::{ContentId, OriginPath};
use eventlog::tags::{AudioFormat, AudioProperties, ByteRange, Field, Media, Tags};
use libfuzzer_sys::fuzz_target;
use projections::layout::names::{MAX_BYTES, MAX_FILE_BYTES};
use projections::layout::{Layout, NameInputs, Template};

type Input<'a> = (&'a str, Vec<(u8, &'a str)>, &'a [u8], u8, bool, bool);

fuzz_target!(|input: Input<'_>| {
    let (source, tags, name, format, windows, multi_disc) = input;
    let names = if windows {
        NameProfile::Windows
    } else {
        NameProfile::Posix
    };
    let spec = LayoutSpec {
        template: source.to_owned(),
        names,
        duplicates: Duplicates::All,
    };
    match Template::parse(source) {
        Ok(template) => assert_eq!(template.to_string().parse(), Ok(template)),
        Err(error) => {
            assert!(
                (1..=Template::MAX_LEN + 1).contains(&error.column),
                "{error}"
            );
            assert!(Layout::of(&spec).is_err());
        }
    }
    let Some(inputs) = inputs(&tags, name, format) else {
        return;
    };
    let place = Layout::of_or_default(&spec).place(&inputs, multi_disc);
    assert!(place.directories.len() < Template::MAX_PARTS);
    for directory in &place.directories {
        assert_valid(directory, MAX_BYTES);
    }
    assert_valid(&place.file, MAX_FILE_BYTES);
    if let Some(format) = inputs.format() {
        assert!(place.file.ends_with(format));
    }
});

fn inputs(tags: &[(u8, &str)], name: &[u8], format: u8) -> Option<NameInputs> {
    let mut all = Tags::new();
    for (field, value) in tags {
        let field = Field::KNOWN.get(usize::from(*field)).cloned();
        all.push(field.unwrap_or(Field::Custom("X".into())), value);
    }
    let media = Media {
        format: AudioFormat::ALL.get(usize::from(format)).copied(),
        tags: all,
        audio: AudioProperties::default(),
        audio_range: ByteRange::default(),
        content: ContentId([0; 16]),
        cover: None,
        defects: Vec::new(),
    };
    let origin = "nas".parse().ok()?;
    Some(NameInputs::of(
        &media,
        &origin,
        &OriginPath::new(name).ok()?,
    ))
}

fn assert_valid(name: &str, limit: usize) {
    assert!(!name.is_empty() && name.len() <= limit);
    assert!(!name.starts_with('.') && name.trim() == name);
    assert!(!name.contains(|char: char| char == '/' || char.is_control()));
}
