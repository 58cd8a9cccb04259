//! The house keeps its arrows and its invariants (docs/ARCHITECTURE.md).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::world::root;

/// Which rooms a room may see.
const ARROWS: &[(&str, &[&str])] = &[
    ("content", &["eventlog", "origins"]),
    ("eventlog", &[]),
    ("formats", &["eventlog"]),
    ("origins", &["eventlog"]),
    ("projections", &["eventlog"]),
    ("projections/search", &["eventlog", "projections"]),
    ("fuse", &["eventlog", "projections", "content", "formats"]),
    ("proto", &[]),
];

/// Where a crate may be used.
const PLACES: &[(&str, &[&str])] = &[
    (
        "fuser",
        &["fuse/src/mount/", "fuse/src/mount.rs", "fuse/src/notify.rs"],
    ),
    ("sqlx", &["eventlog/src/sqlite", "src/webhooks/ledger/"]),
    (
        "rusqlite",
        &["eventlog/src/sqlite", "projections/src/", "content/src/"],
    ),
    ("russh", &["origins/src/sftp/"]),
    ("tantivy", &["projections/search/src/"]),
    ("smb2", &["origins/src/smb/"]),
    (
        "reqwest",
        &[
            "src/webhooks/",
            "src/config/webhook.rs",
            "origins/src/remote/",
        ],
    ),
    ("quick_xml", &["origins/src/remote/xml.rs"]),
];

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let rooms = [
        "src",
        "content",
        "eventlog",
        "formats",
        "origins",
        "projections",
        "fuse",
        "proto",
    ];
    let mut todo: Vec<PathBuf> = rooms.iter().map(|room| root().join(room)).collect();
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") && !path.ends_with("benches") {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50);
    found
}

/// The part of a source before its unit tests, without comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn checked_out() -> bool {
    root().join("Cargo.toml").exists()
}

#[test]
fn rooms_see_only_what_they_may() {
    if !checked_out() {
        return;
    }
    let rooms: BTreeSet<&str> = ARROWS
        .iter()
        .map(|(room, _)| room.rsplit('/').next().unwrap())
        .chain(["musicfs"])
        .collect();
    for (room, may_see) in ARROWS {
        let text = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap();
        for seen in dependencies
            .keys()
            .filter(|name| rooms.contains(name.as_str()))
        {
            assert!(may_see.contains(&seen.as_str()), "{room} sees {seen}");
        }
    }
}

#[test]
fn crates_stay_in_their_places() {
    if !checked_out() {
        return;
    }
    for (path, text) in sources() {
        let code = code(&text);
        for (name, places) in PLACES {
            let used =
                code.contains(&format!("{name}::")) && !code.contains(&format!("mod {name}"));
            let allowed = places
                .iter()
                .any(|place| path.starts_with(place) || under(&path, place));
            assert!(!used || allowed, "{} uses {name}", path.display());
        }
        assert!(!code.contains("anyhow::"), "{}", path.display());
    }
}

fn under(path: &Path, place: &str) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(place))
}

#[test]
fn events_are_not_serializable() {
    if !checked_out() {
        return;
    }
    for file in ["event.rs", "id.rs", "tags.rs"] {
        let text = fs::read_to_string(root().join("eventlog/src").join(file)).unwrap();
        assert!(!code(&text).contains("serde"), "{file} knows serde");
    }
}

#[test]
fn origins_have_no_way_to_write() {
    if !checked_out() {
        return;
    }
    let forbidden = [
        "O_RDWR",
        "O_WRONLY",
        "OFlags::RDWR",
        "OFlags::WRONLY",
        "OFlags::CREATE",
        ".write(true)",
        "File::create",
        "fs::write",
        "remove_file",
        "remove_dir",
        "fs::rename",
        "set_permissions",
        "set_len",
        "unlinkat",
        "renameat",
        "mkdirat",
        "ftruncate",
        "pwrite",
        "Method::PUT",
        "Method::POST",
        "Method::DELETE",
        "Method::PATCH",
        "MKCOL",
        "PROPPATCH",
    ];
    for (path, text) in sources() {
        let implementation = path.starts_with("origins/src") && !path.ends_with("conformance.rs");
        for word in forbidden.iter().filter(|_| implementation) {
            assert!(!code(&text).contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn folds_read_no_clock_and_never_wait() {
    if !checked_out() {
        return;
    }
    for (path, text) in sources() {
        if path.starts_with("projections/src")
            && path.file_name().is_some_and(|name| name == "fold.rs")
        {
            for word in [
                "SystemTime",
                "Instant",
                "::now(",
                "async ",
                ".await",
                "rand",
            ] {
                assert!(!code(&text).contains(word), "{} has {word}", path.display());
            }
        }
    }
}

/// A table of docs/ARCHITECTURE.md names a test for each fault.
#[test]
fn every_fault_has_its_tests() {
    if !checked_out() {
        return;
    }
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| UP-"));
    let mut count = 0;
    for row in rows {
        let mut file = String::new();
        for name in row.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") {
                file = fs::read_to_string(root().join(name)).unwrap();
            } else {
                assert!(file.contains(&format!("fn {name}(")), "{name} of {row}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count} tests are named");
}
