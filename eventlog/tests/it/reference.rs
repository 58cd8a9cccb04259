//! docs/EVENTS.md says what the code does.

use std::fs;
use std::path::PathBuf;

use eventlog::wire;

#[test]
fn the_event_reference_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/EVENTS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, wire::reference()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wire::reference(),
        "docs/EVENTS.md is stale: UPDATE_DOCS=1 cargo test -p musicfs-eventlog reference"
    );
}

#[test]
fn every_field_says_what_it_means() {
    for kind in wire::kinds() {
        assert!(kind.meaning.ends_with('.'), "{}", kind.kind);
        for field in kind.fields {
            assert!(!field.meaning.is_empty(), "{} {}", kind.kind, field.name);
        }
    }
}
