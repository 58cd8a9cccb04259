//! Commands on the state of a library while no daemon runs.

use std::os::unix::fs::{FileExt, PermissionsExt};

use super::tool::{Home, says, some_log};

#[test]
fn a_library_that_is_not_there() {
    let home = Home::new();
    for line in ["log verify", "history track:1", "events"] {
        says(
            &home.run(&format!("{line} --state-dir state")),
            "[3]
            error: there is no library in ~/state
            hint: make one with `musicfs mount MOUNTPOINT --origin PATH`, or name another place with --state-dir",
        );
    }
}

#[test]
fn commands_that_need_a_daemon() {
    let home = Home::new();
    some_log(&home.dir("state"));
    for line in [
        "shutdown",
        "events --follow",
        "origin add music",
        "origin rescan",
    ] {
        says(
            &home.run(&format!("{line} --state-dir state")),
            "[8]
            error: no daemon serves the library in ~/state
            hint: start one with `musicfs mount MOUNTPOINT`, or name another place with --state-dir",
        );
    }
}

#[test]
fn errors_are_data_too() {
    let home = Home::new();
    let said = home.run("shutdown --json");
    let json = said.strip_prefix("[8]\n").unwrap();
    let error: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(error["error"]["kind"], "not_running");
}

#[test]
fn events_are_read_from_the_log() {
    let home = Home::new();
    some_log(&home.dir("state"));
    let said = home.run("events --state-dir state --from 49 --json");
    let events: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 2);
    let last = &events[1];
    assert_eq!(last["position"], 50);
    assert_eq!(last["kind"], "layout.changed");
    assert_eq!(last["version"], 1);
    assert_eq!(last["subject"], "library");
    assert_eq!(last["data"]["template"], "$artist/49 $title");
    for member in ["id", "recorded_at", "cause"] {
        assert!(last.get(member).is_some(), "{member}");
    }
    assert_eq!(home.run("events --state-dir state --type track.*"), "");
    home.run("log export --state-dir state --to 7 kept.jsonl");
    home.run("log import --state-dir kept kept.jsonl");
    let kept = home.run("log info --state-dir kept --json");
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["position"], 7);
}

#[test]
fn a_type_that_no_event_has() {
    says(
        &Home::new().run("events --type track.moves"),
        "[2]
        error: no event is of type \"track.moves\"
        hint: did you mean \"track.moved\"?",
    );
}

#[test]
fn the_log_is_verified_copied_exported_and_imported() {
    let home = Home::new();
    some_log(&home.dir("state"));
    says(
        &home.run("log verify --state-dir state"),
        "50 events, all as they were written",
    );
    says(
        &home.run("log backup copy.db --state-dir state"),
        "50 events backed up to ~/copy.db",
    );
    says(
        &home.run("log export log.jsonl --state-dir state"),
        "50 events exported to log.jsonl",
    );
    says(
        &home.run("log import log.jsonl --state-dir other"),
        "50 events imported to ~/other/log/events.db",
    );
    let events = |state: &str| home.run(&format!("events --json --state-dir {state}"));
    assert_eq!(events("state"), events("other"));
    says(
        &home.run("log import log.jsonl --state-dir other"),
        "[3]
        error: ~/other/log/events.db exists already and is not overwritten; choose another name",
    );
}

/// Alters the event that says `needle`.
fn tamper(home: &Home, needle: &[u8]) {
    let path = home.path("state/log/events.db");
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"X", at as u64).unwrap();
}

#[test]
fn a_damaged_log_is_named_with_its_place() {
    let home = Home::new();
    let state = home.dir("state");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    some_log(&state);
    tamper(&home, b"49 $title");
    for line in ["log verify", "-q mount view --origin music"] {
        let said = home.run(&format!("{line} --state-dir state"));
        assert!(
            said.starts_with("[7]\nerror: the log is damaged at position 50: "),
            "{line}: {said}"
        );
        assert!(said.contains("; nothing was changed\nhint: "), "{said}");
    }
    let said = home.run("log verify --state-dir state");
    let hint = "put a backup in its place; or go on with what holds, the 49 before: `musicfs mount … \
                --repair`";
    assert!(said.contains(hint), "{said}");
    let said = home.run("events --state-dir state");
    assert!(said.contains("hint: `musicfs log verify`"), "{said}");
}

#[test]
fn a_copy_that_cannot_be_made_leaves_nothing() {
    let home = Home::new();
    some_log(&home.dir("state"));
    home.file("taken", "");
    let taken = |name: &str| {
        format!("[3]\nerror: {name} exists already and is not overwritten; choose another name")
    };
    says(
        &home.run("log backup taken --state-dir state"),
        &taken("~/taken"),
    );
    says(
        &home.run("log export taken --state-dir state"),
        &taken("taken"),
    );
    says(
        &home.run("log backup none/b.db --state-dir state"),
        "[3]
        error: cannot write the backup ~/none/b.db: there is no directory ~/none
        hint: make it: mkdir -p ~/none; or choose another place",
    );
    says(
        &home.run("log export none/l.jsonl --state-dir state"),
        "[3]
        error: cannot write the export none/l.jsonl: there is no directory none
        hint: make it: mkdir -p none; or choose another place",
    );
    for line in ["log export --to 51", "log export beyond --to 51"] {
        says(
            &home.run(&format!("{line} --state-dir state")),
            "[3]
            error: the log ends at position 50, before 51",
        );
    }
    assert!(!home.path("beyond").exists());
}

#[test]
fn a_part_of_an_export_is_taken_away() {
    let home = Home::new();
    let state = home.dir("state");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    some_log(&state);
    tamper(&home, b"49 $title");
    let said = home.run("log export part --state-dir state");
    assert!(said.starts_with("[7]\n"), "{said}");
    assert!(!home.path("part").exists());
    says(
        &home.run("log export part --to 49 --state-dir state"),
        "49 events exported to part",
    );
}

#[test]
fn a_failed_import_leaves_what_it_found() {
    let home = Home::new();
    says(
        &home.run("log import none --state-dir new"),
        "[3]
        error: cannot read the export none: no such file or directory
        hint: name a file that `musicfs log export FILE` has written",
    );
    home.file("bad", "{}\n");
    for state in ["new", "new/deep/er"] {
        let said = home.run(&format!("log import bad --state-dir {state}"));
        assert!(
            said.starts_with("[3]\nerror: line 1 of the export: "),
            "{said}"
        );
        assert!(!home.path("new").exists());
    }
    home.file("old/mine", "");
    home.run("log import bad --state-dir old");
    assert!(home.path("old/mine").exists());
}

#[test]
fn views_are_rebuilt_without_a_daemon() {
    let home = Home::new();
    some_log(&home.dir("state"));
    let report = home.json("replay --json --state-dir state");
    let views = report["views"].as_array().unwrap();
    let names: Vec<&str> = views
        .iter()
        .map(|view| view["name"].as_str().unwrap())
        .collect();
    let all = ["catalog", "tree", "patterns", "collections", "search"];
    assert_eq!(names, all);
    let checked = home.json("replay --check --json tree --state-dir state");
    let tree = &checked["views"][0];
    assert_eq!(
        (&tree["position"], &tree["events"], &tree["equal"]),
        (&50.into(), &50.into(), &true.into())
    );
    assert_eq!(tree["digest"], views[1]["digest"]);
    let said = home.run("replay --to 0 tree --state-dir state");
    assert!(said.starts_with("tree  0 events  digest "), "{said}");
    assert!(tree["seconds"].as_f64().is_some());
    says(
        &home.run("replay albums --state-dir state"),
        "[3]
        error: there is no view \"albums\"; views are catalog, tree, patterns, collections, search",
    );
}

#[test]
fn the_status_of_a_library_at_rest() {
    let home = Home::new();
    some_log(&home.dir("state"));
    assert!(
        home.run("status --state-dir state")
            .starts_with("[8]\nmusicfs ")
    );
    let said = home.run("status --state-dir state");
    assert!(
        said.contains("log at position 50\nno views yet") && !said.contains("0 tracks"),
        "{said}"
    );
    let without_views = home.json("status --json --state-dir state");
    assert_eq!(without_views["position"], 50);
    home.run("replay --state-dir state");
    let status = home.json("status --json --state-dir state");
    assert_eq!(
        (&status["state"], &status["position"]),
        (&"stopped".into(), &50.into())
    );
    for member in [
        "version",
        "mountpoint",
        "tracks",
        "uptime_secs",
        "origins",
        "views",
        "scans",
    ] {
        assert!(status.get(member).is_some(), "{member}");
    }
}

#[test]
fn a_path_that_the_library_never_had() {
    let home = Home::new();
    some_log(&home.dir("state"));
    home.run("replay --state-dir state");
    says(
        &home.run("explain Nobody/Nothing.mp3 --state-dir state"),
        "[3]
        error: the library never had anything at Nobody/Nothing.mp3
        hint: give a path in the mount, from the root of the tree, on an origin (ORIGIN:PATH), or track:NUMBER",
    );
}

#[test]
fn an_option_that_is_none() {
    let said = Home::new().run("status --jsn");
    assert!(
        said.starts_with("[2]\nerror: unexpected argument '--jsn' found"),
        "{said}"
    );
    assert!(
        said.contains("tip: a similar argument exists: '--json'"),
        "{said}"
    );
}
