//! Stored bytes are frozen (LOG-4). A file `KIND.VERSION.NAME.mp` holds a payload as a release
//! wrote it; it is never changed, and read for ever.
//!
//! `UPDATE_GOLDEN=1` writes the files that are missing, and touches none that is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use eventlog::conformance::samples;
use eventlog::{Body, Event, PinTarget, TreePath, wire};
use serde_json::Value;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The events that the files hold, by file name; the same today as when they were written.
fn golden() -> BTreeMap<String, Event> {
    let mut numbers = BTreeMap::new();
    let mut golden = BTreeMap::new();
    for event in samples::every_kind() {
        let encoded = wire::encode(&event).unwrap();
        let number = numbers.entry(encoded.kind).or_insert(0);
        *number += 1;
        for version in first_version(&event)..=encoded.version {
            let name = format!("{}.{version}.{number}.mp", encoded.kind);
            golden.insert(name, event.clone());
        }
    }
    golden
}

/// The first version of its kind that could say all of it.
fn first_version(event: &Event) -> u16 {
    let has_cover = wire::data(event).pointer("/media/cover").is_some();
    if has_cover { 2 } else { 1 }
}

#[test]
fn every_version_ever_written_is_read() {
    let golden = golden();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for (name, event) in &golden {
            let path = directory().join(name);
            if !path.exists() {
                fs::write(path, wire::encode(event).unwrap().payload).unwrap();
            }
        }
    }
    let mut files = 0;
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let payload = fs::read(&path).unwrap();
        let parts: Vec<&str> = name.rsplitn(4, '.').collect();
        let (kind, version) = (parts[3], parts[2].parse().unwrap());
        let Body::Known(event) = wire::decode(kind, version, &payload).unwrap() else {
            panic!("{name} is not known any more");
        };
        let expected = golden
            .get(&name)
            .unwrap_or_else(|| panic!("{name}: what does it say?"));
        assert_eq!(&event, expected, "{name}");
        let encoded = wire::encode(&event).unwrap();
        if (encoded.kind, encoded.version) == (kind, version) {
            assert_eq!(
                encoded.payload, payload,
                "{name} would be written otherwise today"
            );
        }
        files += 1;
    }
    assert_eq!(files, golden.len(), "a golden file is missing");
}

/// What a new version adds costs those nothing that have none of it.
#[test]
fn a_file_without_a_picture_is_stored_as_ever() {
    for kind in ["track.discovered", "track.moved"] {
        let [old, new] = [1, 2].map(|version| {
            let name = format!("{kind}.{version}.2.mp");
            fs::read(directory().join(name)).unwrap()
        });
        assert_eq!(old, new, "{kind}");
    }
}

#[test]
fn every_kind_and_version_has_a_golden_file() {
    let names: Vec<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for kind in wire::kinds() {
        let prefix = format!("{}.{}.", kind.kind, kind.version);
        assert!(
            names.iter().any(|name| name.starts_with(&prefix)),
            "none for {prefix}"
        );
    }
}

#[test]
fn what_a_newer_version_wrote_is_kept_as_unknown() {
    let Event::TrackDiscovered { .. } = samples::discovery(1) else {
        unreachable!()
    };
    let encoded = wire::encode(&samples::discovery(1)).unwrap();
    let unknown = |kind, version, payload: &[u8]| {
        assert_eq!(
            wire::decode(kind, version, payload).unwrap(),
            Body::Unknown,
            "{kind} {version}"
        );
    };
    unknown("track.sung", 1, b"anything");
    unknown("track.discovered", 3, &encoded.payload);
    // A target's name that this version does not have.
    let pinned = PinTarget::Path(TreePath::new("Artist").unwrap());
    let mut newer = wire::encode(&Event::PinAdded { target: pinned }).unwrap();
    let at = newer.payload.windows(5).position(|it| it == b"\xa4path");
    newer.payload[at.unwrap() + 1..][..4].copy_from_slice(b"mood");
    unknown("pin.added", 1, &newer.payload);
    // One that came later than the shape.
    let target = PinTarget::Search("artist:ann".into());
    let encoded_pin = wire::encode(&Event::PinAdded { target }).unwrap();
    let expected = b"\x82\xa6target\xa6search\xa5value\xaaartist:ann";
    assert_eq!(encoded_pin.payload, expected);
    let decoded = wire::decode("pin.added", 1, expected).unwrap();
    let Body::Known(Event::PinAdded { target }) = decoded else {
        panic!("{decoded:?}");
    };
    assert_eq!(target.to_string(), "the search \"artist:ann\"");
    let target = PinTarget::Collection("Most Played".parse().unwrap());
    let encoded_pin = wire::encode(&Event::PinAdded { target }).unwrap();
    let expected = b"\x82\xa6target\xaacollection\xa5value\xabMost Played";
    assert_eq!(encoded_pin.payload, expected);
    assert!(matches!(
        wire::decode("pin.added", 1, expected),
        Ok(Body::Known(Event::PinAdded { .. }))
    ));
    // A format's name that this version does not have.
    let at = encoded
        .payload
        .windows(4)
        .position(|name| name == b"flac")
        .unwrap();
    let mut newer = encoded.payload.clone();
    // The path ends in the first `flac`, the format is the next.
    let at = at
        + 4
        + newer[at + 4..]
            .windows(4)
            .position(|name| name == b"flac")
            .unwrap();
    newer[at..at + 4].copy_from_slice(b"dsf2");
    unknown("track.discovered", 2, &newer);
    unknown("track.discovered", 1, &newer);
}

#[test]
fn what_nobody_wrote_is_refused() {
    let encoded = wire::encode(&samples::discovery(1)).unwrap();
    let refused = |payload: &[u8]| {
        assert!(
            wire::decode(encoded.kind, encoded.version, payload).is_err(),
            "{payload:x?}"
        );
    };
    refused(&[]);
    refused(&encoded.payload[..encoded.payload.len() - 1]);
    refused(&[&encoded.payload[..], &[0xc0]].concat());
    // A path that leaves its origin.
    let mut path = encoded.payload.clone();
    let at = path.windows(7).position(|part| part == b"/Album ").unwrap();
    path[at..at + 4].copy_from_slice(b"/../");
    refused(&path);
    // A path that leaves the tree.
    let pinned = PinTarget::Path(TreePath::new("a/bc").unwrap());
    let mut path = wire::encode(&Event::PinRemoved { target: pinned }).unwrap();
    let end = path.payload.len();
    path.payload[end - 2..].copy_from_slice(b"..");
    assert!(wire::decode(path.kind, path.version, &path.payload).is_err());
    // Depth and lengths that are only claimed.
    refused(&[0x91; 100_000]);
    refused(&[0xdf, 0xff, 0xff, 0xff, 0xff]);
    refused(&[
        0x81, 0xa5, b't', b'r', b'a', b'c', b'k', 0xdd, 0xff, 0xff, 0xff, 0xff,
    ]);
}

/// Names of the fields of an object, as the reference writes them.
fn fields(value: &Value, prefix: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let name = format!("{prefix}{name}");
                out.push(name.clone());
                fields(value, &format!("{name}."), out);
            }
        }
        Value::Array(array) => {
            let prefix = format!("{}[].", prefix.trim_end_matches('.'));
            array.iter().for_each(|value| fields(value, &prefix, out));
        }
        _ => {}
    }
}

#[test]
fn json_has_the_fields_of_the_stored_shape() {
    let kinds = wire::kinds();
    let free = |name: &str| {
        [".tags.", ".custom.", ".options."]
            .iter()
            .any(|map| name.contains(map))
    };
    for event in samples::every_kind() {
        let encoded = wire::encode(&event).unwrap();
        let kind = kinds.iter().find(|of| of.kind == encoded.kind).unwrap();
        let mut names = Vec::new();
        fields(&wire::data(&event), "", &mut names);
        for name in names.iter().filter(|name| !free(name)) {
            let stored = name.strip_suffix("_bytes").unwrap_or(name);
            let known = kind
                .fields
                .iter()
                .any(|field| field.name == *name || field.name == stored);
            assert!(known, "{}: {name} is not in the reference", kind.kind);
        }
        for field in kind.fields.iter().filter(|field| !field.optional) {
            let below_optional = kind.fields.iter().any(|outer| {
                (outer.optional || outer.type_name.starts_with("array"))
                    && field.name.starts_with(&outer.name)
            });
            assert!(
                below_optional || names.contains(&field.name),
                "{}: no {}",
                kind.kind,
                field.name
            );
        }
    }
}
