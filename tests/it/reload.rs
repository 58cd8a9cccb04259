//! A configuration that changes under a running daemon (CTL-7).

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::{LIMIT, World, flac};

/// A daemon with a configuration file of its own, which says this.
fn configured(text: &str) -> (World, PathBuf) {
    let mut world = World::new();
    let file = world.path().join("config.toml");
    fs::write(&file, text).unwrap();
    song(&world.music().join("a.flac"), 1, "Song");
    world.start_with(&["--config", file.to_str().unwrap()]);
    (world, file)
}

fn song(path: &std::path::Path, seed: u64, title: &str) {
    let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", title)];
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, flac(seed, &tags)).unwrap();
}

fn hang_up(world: &World) {
    let pid = rustix::process::Pid::from_raw(world.pid().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
}

fn in_force(world: &World) -> String {
    fs::read_to_string(world.mnt().join(".status/config.toml")).unwrap()
}

#[test]
fn what_can_change_changes_and_the_rest_is_named() {
    let (world, file) = configured("scan.threads = 1\n");
    assert_eq!(
        world.json(["reload", "--json"]),
        serde_json::json!({ "applied": [], "restart": [], "refused": [], "notes": [] })
    );
    let more = world.path().join("more");
    song(&more.join("b.flac"), 2, "Another");
    let text = format!(
        "scan.threads = 2\nlog.level = 'debug'\nlayout.template = '$title.$format'\n\
         [[origins]]\nid = 'more'\npath = '{}'\nrefresh = 'never'\n",
        more.display()
    );
    fs::write(&file, text).unwrap();
    let answer = world.json(["reload", "--json"]);
    assert_eq!(
        answer["applied"],
        serde_json::json!(["layout.template", "log.level", "origins"])
    );
    assert_eq!(answer["restart"], serde_json::json!(["scan.threads"]));
    world.until("both songs have their new names", |world| {
        world.tree().into_keys().eq(["Another.flac", "Song.flac"])
    });
    let shown = in_force(&world);
    for line in ["scan.threads = 1", "log.level = \"debug\"", "id = \"more\""] {
        assert!(shown.contains(line), "{shown}");
    }
    let log = world.daemon_log();
    assert!(log.contains("takes a restart: scan.threads"), "{log}");
    assert!(log.contains("DEBUG"), "{log}");

    // What leaves the file stays in the library; nothing is lost by a slip of the pen.
    fs::write(
        &file,
        "scan.threads = 1\nlayout.template = '$title.$format'\n",
    )
    .unwrap();
    let said = world.run(["reload"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(
        said,
        "now in force: log.level, origins\n\
         note: the origin more is no longer in the configuration; its tracks stay until \
         `musicfs origin remove more`\n"
    );
    assert_eq!(world.tree().len(), 2);
}

#[test]
fn an_origin_of_the_file_follows_its_entry() {
    let (world, file) = configured("");
    let more = world.path().join("more");
    song(&more.join("b.flac"), 2, "Another");
    let entry = |rest: &str| {
        let text = format!(
            "[[origins]]\nid = 'more'\npath = '{}'\n{rest}",
            more.display()
        );
        fs::write(&file, text).unwrap();
        world.json(["reload", "--json"])
    };
    entry("refresh = 'never'\n");
    world.until("it is listed", |world| world.tree().len() == 2);
    entry("name = 'Other'\n");
    let events = world.events();
    let last = events
        .iter()
        .rfind(|event| event["kind"] == "origin.changed");
    assert_eq!(last.unwrap()["data"]["spec"]["name"], "Other");
    song(&more.join("c.flac"), 3, "Third");
    world.until("it is watched", |world| world.tree().len() == 3);

    // One that cannot be is told, and nothing else suffers.
    let text = "[[origins]]\nid = 'gone'\npath = '/nowhere/at/all'\n";
    fs::write(&file, text).unwrap();
    let output = world.run(["reload", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = answer["refused"][0]["message"].as_str().unwrap();
    assert!(message.contains("cannot read /nowhere/at/all"), "{message}");
    assert!(!in_force(&world).contains("nowhere"));
    assert_eq!(world.tree().len(), 3);
}

#[test]
fn a_broken_file_changes_nothing() {
    let (world, file) = configured("log.level = 'info'\n");
    let before = in_force(&world);
    fs::write(&file, "log.level = 'debug'\nscan.treads = 2\n").unwrap();
    let output = world.run(["reload"]);
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "error: {}:2:6: there is no key `scan.treads`\nhint: did you mean `scan.threads`?\n",
        file.display()
    );
    assert_eq!(said, expected);
    assert_eq!(in_force(&world), before);
    let log = world.daemon_log();
    assert!(
        log.contains("the old configuration stays in force"),
        "{log}"
    );
    assert!(log.contains("config.toml:2:6"), "{log}");
    assert!(log.contains("did you mean `scan.threads`?"), "{log}");

    fs::remove_file(&file).unwrap();
    assert_eq!(world.run(["reload"]).status.code(), Some(4));
    assert_eq!(in_force(&world), before);
}

#[test]
fn a_hangup_reloads_and_ends_nothing() {
    let mut world = World::new();
    let socket = world.path().join("notify");
    let notified = UnixDatagram::bind(&socket).unwrap();
    notified.set_read_timeout(Some(LIMIT)).unwrap();
    let file = world.path().join("config.toml");
    fs::write(&file, "").unwrap();
    world.spawn_in(
        &["--config", file.to_str().unwrap()],
        &[("NOTIFY_SOCKET", socket.to_str().unwrap())],
    );
    let next = || {
        let mut buffer = [0; 4096];
        loop {
            let length = notified.recv(&mut buffer).expect("a notification");
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !said.starts_with("STATUS=") {
                return said;
            }
        }
    };
    assert_eq!(next().trim(), "READY=1");
    for text in ["log.level = 'debug'\n", "log.level = \n"] {
        fs::write(&file, text).unwrap();
        hang_up(&world);
        let said = next();
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("RELOADING=1"));
        let usec = lines.next().unwrap().strip_prefix("MONOTONIC_USEC=");
        assert!(usec.unwrap().parse::<u64>().unwrap() > 0);
        assert_eq!(next().trim(), "READY=1");
    }
    world.until("the level has changed", |world| {
        in_force(world).contains("log.level = \"debug\"")
    });
    world.stop();
}

#[test]
fn a_relative_file_is_found_again_from_the_background() {
    let world = World::new();
    fs::write(world.path().join("mine.toml"), "").unwrap();
    let mut mount = world.tool(["mount", "mnt", "--daemon", "--config", "mine.toml"]);
    let output = mount
        .args(["--origin", "music"])
        .current_dir(world.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::write(world.path().join("mine.toml"), "log.level = 'debug'\n").unwrap();
    let pid = world.status()["pid"].as_i64().unwrap();
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    world.until("the level has changed", |world| {
        in_force(world).contains("log.level = \"debug\"")
    });
    let shown = in_force(&world);
    assert!(shown.contains(world.music().to_str().unwrap()), "{shown}");
    assert!(world.run(["shutdown"]).status.success());
}

#[test]
fn metrics_move() {
    let addresses = [0, 0].map(|_| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    });
    let (world, file) = configured(&format!("metrics.listen = '{}'\n", addresses[0]));
    let answers = |address| std::net::TcpStream::connect(address).is_ok();
    assert!(answers(addresses[0]));
    fs::write(&file, format!("metrics.listen = '{}'\n", addresses[1])).unwrap();
    world.json(["reload", "--json"]);
    assert!(answers(addresses[1]));
    world.until("the old address is let go", |_| !answers(addresses[0]));
    let taken = std::net::TcpListener::bind(addresses[0]).unwrap();
    fs::write(&file, format!("metrics.listen = '{}'\n", addresses[0])).unwrap();
    let output = world.run(["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(answers(addresses[1]), "what was refused stays as it was");
    drop(taken);
    // One that holds the other, and cannot be listened on beside it.
    let wide = format!("metrics.listen = '0.0.0.0:{}'\n", addresses[1].port());
    fs::write(&file, wide).unwrap();
    let answer = world.json(["reload", "--json"]);
    assert_eq!(answer["applied"], serde_json::json!(["metrics.listen"]));
    assert!(answers(addresses[1]));
}

#[test]
fn a_terminal_that_is_gone_ends_what_runs_in_it() {
    let world = World::new();
    let quoted = |path: &std::path::Path| path.display().to_string();
    // script(1) gives it a terminal, which ends with script.
    let line = format!(
        "exec {} mount {} --origin {} --state-dir {}",
        quoted(&crate::world::binary()),
        quoted(&world.mnt()),
        quoted(&world.music()),
        quoted(&world.state()),
    );
    // Whoever runs the tests may have it ignored, as nohup(1) does, and the daemon would respect that.
    let mut script = Command::new("env")
        .args(["--default-signal=HUP", "script"])
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    world.until("it is mounted", |world| world.status()["state"] == "ready");
    script.kill().unwrap();
    script.wait().unwrap();
    world.until("it is unmounted", |world| {
        !world.mnt().join(".status").exists() && world.status()["state"] == "stopped"
    });
}
