//! The commands beside a running daemon, and mounts that meet another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::world::{World, flac};

fn song(world: &World, name: &str, seed: u64, title: &str) {
    let tags = [
        ("ARTIST", "Ann"),
        ("ALBUM", "One"),
        ("TITLE", title),
        ("TRACKNUMBER", "1"),
    ];
    fs::write(world.music().join(name), flac(seed, &tags)).unwrap();
}

fn one_song() -> World {
    let mut world = World::new();
    song(&world, "first.flac", 1, "Song");
    world.start();
    world
}

/// Exit code and standard error.
fn refusal(output: &Output) -> (i32, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn status_has_every_member_that_scripts_rely_on() {
    let world = one_song();
    let status = world.status();
    assert_eq!(status["state"], "ready");
    assert_eq!(status["tracks"], 1);
    assert_eq!(status["mountpoint"], world.mnt().to_str().unwrap());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["uptime_secs"].as_f64().unwrap() > 0.0);
    assert!(status["scans"].as_array().unwrap().is_empty());
    let origin = &status["origins"][0];
    assert_eq!(
        (
            &origin["id"],
            &origin["type"],
            &origin["health"],
            &origin["tracks"]
        ),
        (
            &"music".into(),
            &"local".into(),
            &"healthy".into(),
            &1.into()
        )
    );
    let position = status["position"].as_u64().unwrap();
    world.until("the views are up to date", |world| {
        let views = world.status()["views"].as_array().unwrap().clone();
        views.len() == 5 && views.iter().all(|view| view["position"] == position)
    });
}

#[test]
fn in_the_background_the_tool_returns_when_the_mount_answers() {
    let world = World::new();
    song(&world, "first.flac", 1, "Song");
    let mut command = world.tool([
        "mount".as_ref(),
        world.mnt().as_os_str(),
        "--daemon".as_ref(),
        "--json".as_ref(),
        "--origin".as_ref(),
        world.music().as_os_str(),
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(fs::metadata(world.mnt().join(".status/version")).is_ok());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["pid"], world.status()["pid"]);
    assert!(world.run(["shutdown"]).status.success());
    assert!(!world.mnt().join(".status").exists());
    assert!(!world.state().join("control.sock").exists());
    assert!(world.state().join("musicfs.log").exists());
}

#[test]
fn a_second_daemon_is_told_of_the_first() {
    let world = one_song();
    let (code, said) = refusal(&world.run(["mount".as_ref(), world.mnt().as_os_str()]));
    assert_eq!(code, 5);
    assert!(
        said.contains(&format!("in use by process {}", world.pid())),
        "{said}"
    );
    let other = world.path().join("other");
    let mut command = world.tool(["mount".as_ref(), world.mnt().as_os_str()]);
    let (code, said) = refusal(&command.arg("--state-dir").arg(&other).output().unwrap());
    assert_eq!(code, 2, "--state-dir was given twice: {said}");
    let mut command = std::process::Command::new(crate::world::binary());
    command
        .arg("mount")
        .arg(world.mnt())
        .arg("--state-dir")
        .arg(&other);
    let (code, said) = refusal(&command.output().unwrap());
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("is mounted there"), "{said}");
}

#[test]
fn a_mount_that_a_killed_daemon_left_is_cleared() {
    let mut world = one_song();
    world.kill();
    assert!(rustix::fs::statfs(world.mnt()).is_err());
    let doctor = world.run(["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert!(
        report["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| check["level"] != "fail"),
        "{report}"
    );
    let left = format!("{} was left behind", world.mnt().display());
    let told = |check: &serde_json::Value| check["found"].as_str().unwrap().starts_with(&left);
    assert!(
        report["checks"].as_array().unwrap().iter().any(told),
        "{report}"
    );
    world.start();
    assert_eq!(world.tree().len(), 1);
    world.stop();
}

#[test]
fn a_state_directory_that_others_get_into_is_told() {
    let mut world = World::new();
    fs::create_dir_all(world.state()).unwrap();
    fs::set_permissions(world.state(), fs::Permissions::from_mode(0o755)).unwrap();
    world.start();
    let said = format!(
        "other users get into the state directory {} (mode 755)",
        world.state().display()
    );
    let next = format!("chmod 700 {}", world.state().display());
    let log = world.daemon_log();
    assert!(log.contains(&format!("{said}: {next}")), "{log}");
    let state = |world: &World| {
        let report = world.run(["doctor", "--json"]).stdout;
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let mut checks = report["checks"].as_array().unwrap().clone();
        checks.retain(|check| check["check"] == "state");
        checks.remove(0)
    };
    let expected = serde_json::json!({
        "check": "state", "level": "warn", "found": said, "next": next,
    });
    assert_eq!(state(&world), expected);
    fs::set_permissions(world.state(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(state(&world)["level"], "ok");
}

#[test]
fn origins_come_and_go_while_the_library_is_mounted() {
    let world = one_song();
    let more = world.path().join("more");
    fs::create_dir(&more).unwrap();
    fs::write(
        more.join("a.flac"),
        flac(7, &[("ARTIST", "Bob"), ("TITLE", "Tune")]),
    )
    .unwrap();
    let added = world.json([
        "origin",
        "add",
        "--json",
        &format!("extra={}", more.display()),
    ]);
    assert_eq!(added["id"], "extra");
    world.until("the new origin is listed", |world| {
        world.status()["tracks"] == 2
    });
    let listed = world.json(["origin", "list", "--json"]);
    assert_eq!(listed["origins"].as_array().unwrap().len(), 2);
    let scan = world.json(["origin", "rescan", "extra", "--json"]);
    assert_eq!(
        (&scan["origin"], &scan["complete"], &scan["listed"]),
        (&"extra".into(), &true.into(), &1.into())
    );
    let (code, said) = refusal(&world.run(["origin", "rescan", "nothing"]));
    assert_eq!(code, 3);
    assert!(said.contains("there is no origin nothing"), "{said}");
    for path in [world.music(), world.music().join("sub")] {
        fs::create_dir_all(&path).unwrap();
        let again = format!("again={}", path.display());
        let (code, said) = refusal(&world.run(["origin", "add", &again]));
        assert_eq!(code, 3);
        assert!(said.contains("the origin music"), "{said}");
    }
    world.json(["origin", "remove", "extra", "--json"]);
    world.until("its track is gone", |world| world.status()["tracks"] == 1);
    assert!(more.join("a.flac").exists());
}

#[test]
fn a_name_is_explained_and_so_is_its_end() {
    let world = one_song();
    let path = world.mnt().join("Ann/One [FLAC]/01 - Song.flac");
    let explain = |path: &str| world.json(["explain", "--json", path]);
    let told = explain(path.to_str().unwrap());
    assert_eq!(told["state"], "shown");
    assert_eq!(told["path"], "Ann/One [FLAC]/01 - Song.flac");
    assert_eq!(told["naming"]["number"], 1);
    let artist = &told["naming"]["variables"][0];
    assert_eq!(
        (&artist["name"], &artist["value"], &artist["from"]),
        (&"albumartist".into(), &"Ann".into(), &"tag artist".into())
    );
    let original = world.music().join("first.flac");
    assert_eq!(explain(original.to_str().unwrap())["track"], told["track"]);
    assert_eq!(explain("track:1")["track"], told["track"]);
    let recent = world.mnt().join(".collections/Recently Added");
    let link = std::fs::read_dir(recent).unwrap().next().unwrap().unwrap();
    let link = link.path();
    assert_eq!(explain(link.to_str().unwrap())["track"], told["track"]);

    fs::remove_file(original).unwrap();
    world.until("the track is gone", |world| world.status()["tracks"] == 0);
    let told = explain(path.to_str().unwrap());
    assert_eq!(
        (&told["state"], &told["formerly"]),
        (&"gone".into(), &true.into())
    );
    let vanished = world
        .events()
        .into_iter()
        .rfind(|event| event["kind"] == "track.vanished")
        .unwrap();
    assert_eq!(told["gone"]["position"], vanished["position"]);
    assert_eq!(told["gone"]["cause"], vanished["cause"]);
    let history = world.run(["history", "--json", path.to_str().unwrap()]);
    let kinds: Vec<_> = crate::world::lines(&history.stdout)
        .into_iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, ["track.discovered", "track.vanished"]);
}

#[test]
fn another_layout_is_tried_before_it_is_taken() {
    let world = one_song();
    let preview = world.json(["layout", "preview", "--json", "$title.$format"]);
    assert_eq!(
        (&preview["tracks"], &preview["moved"]),
        (&1.into(), &1.into())
    );
    assert_eq!(preview["moves"][0]["to"], "Song.flac");
    let same = world.json(["layout", "show", "--json"]);
    let same = world.json([
        "layout",
        "preview",
        "--json",
        same["template"].as_str().unwrap(),
    ]);
    assert_eq!(same["moved"], 0);
    let default = world.json(["layout", "preview", "--json", "default"]);
    assert_eq!(default["moved"], 0);
    assert!(world.mnt().join("Ann/One [FLAC]/01 - Song.flac").exists());
}

#[test]
fn a_layout_is_set_while_the_mount_is_in_use() {
    let mut world = one_song();
    let open = fs::File::open(world.mnt().join("Ann/One [FLAC]/01 - Song.flac")).unwrap();
    world.json(["layout", "set", "--json", "$artist - $title.$format"]);
    // The view was waited for; the kernel is told right after it.
    world.within(
        std::time::Duration::from_secs(1),
        "the tree follows",
        |world| world.tree().keys().eq(["Ann - Song.flac"]),
    );
    let (old, new) = (
        open.metadata().unwrap(),
        world.mnt().join("Ann - Song.flac"),
    );
    assert_eq!(
        std::os::unix::fs::MetadataExt::ino(&old),
        std::os::unix::fs::MetadataExt::ino(&new.metadata().unwrap())
    );
    let (code, said) = refusal(&world.run(["layout", "set", "$artist/$titl"]));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("did you mean '$title'?"), "{said}");
    world.stop();
    // It stays over a restart, unless the configuration has its own.
    world.start();
    assert!(new.exists());
    world.stop();
    let config = world.path().join("config.toml");
    fs::write(&config, "layout.template = '$title.$format'\n").unwrap();
    world.start_with(&["--config", config.to_str().unwrap()]);
    assert!(world.mnt().join("Song.flac").exists());
    let (code, said) = refusal(&world.run(["layout", "set", "default"]));
    assert_eq!(code, 4, "{said}");
    assert!(
        said.contains("the configuration names the layout"),
        "{said}"
    );
}

#[test]
fn the_default_layout_is_the_default_in_all_of_it() {
    let world = one_song();
    world.json(["layout", "set", "--json", "$title", "--names", "windows"]);
    let kept = world.json(["layout", "set", "--json", "$artist"]);
    assert_eq!(
        (&kept["template"], &kept["names"]),
        (&"$artist".into(), &"windows".into())
    );
    let output = world.run(["layout", "set", "default"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("template    $albumartist/") && said.contains("names       posix"),
        "{said}"
    );
    let shown = world.json(["layout", "set", "--json", "default", "--names", "windows"]);
    assert_eq!(shown["names"], "windows");
}

#[test]
fn what_is_not_yet_folded_into_the_log_counts() {
    let world = one_song();
    let size = |name: &str| fs::metadata(world.state().join("log").join(name)).map(|it| it.len());
    let info = world.json(["log", "info", "--json"]);
    let beside = size("events.db-wal").unwrap();
    assert!(beside > 0);
    assert_eq!(info["bytes"], size("events.db").unwrap() + beside);
}

#[test]
fn an_origin_shows_its_own_events() {
    let world = one_song();
    let kinds = |arguments: &[&str]| {
        let output = world.run([&["events", "--json"], arguments].concat());
        let events = crate::world::lines(&output.stdout);
        let kind = |event: &serde_json::Value| event["kind"].as_str().unwrap().to_owned();
        events.iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&["--origin", "music"]), kinds(&[]));
    assert_eq!(
        kinds(&["--origin", "music", "--type", "track.*"]),
        ["track.discovered"]
    );
    let (code, said) = refusal(&world.run(["events", "--follow", "--origin", "musik"]));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("there never was an origin musik"), "{said}");
}

#[test]
fn replays_leave_the_mount_serving() {
    let world = one_song();
    let report = world.json(["replay", "--json"]);
    assert_eq!(report["views"].as_array().unwrap().len(), 5);
    assert_eq!(world.tree().len(), 1);
    let report = world.json(["replay", "--check", "--json"]);
    assert!(
        report["views"]
            .as_array()
            .unwrap()
            .iter()
            .all(|view| view["equal"] == true),
        "{report}"
    );
}

#[test]
fn views_are_computed_as_they_stood() {
    let world = one_song();
    let digests = |arguments: &[&str]| {
        let report = world.json([&["replay", "--json"], arguments].concat());
        let views = report["views"].as_array().unwrap().clone();
        views
            .into_iter()
            .map(|view| view["digest"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let now = digests(&["--check"]);
    assert_eq!(now.len(), 5);
    assert_eq!(digests(&["--to", "now"]), now);
    let position = world.position().to_string();
    song(&world, "second.flac", 2, "Second");
    world.until("it is there", |world| world.tree().len() == 2);
    assert_eq!(digests(&["--to", &position]), now);
    assert_ne!(digests(&["--to", "now", "tree"]), now[1..2]);
    assert_eq!(digests(&["--to", &position, "search"]), now[4..]);
    assert_ne!(digests(&["--to", "now", "search"]), now[4..]);
    let (code, said) = refusal(&world.run(["replay", "--to", "1000000"]));
    assert_eq!(code, 3, "{said}");
}

#[test]
fn only_our_own_user_may_open_the_socket() {
    use std::os::unix::fs::PermissionsExt;

    let world = one_song();
    let mode = fs::metadata(world.state().join("control.sock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
