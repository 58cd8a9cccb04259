//! Where the daemon's messages go, and how they look (CTL-8).

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::{LIMIT, World, flac, lines, not_tested};

fn song(world: &World, name: &str, seed: u64) {
    let tags = [("ARTIST", "Ann"), ("ALBUM", "One"), ("TITLE", name)];
    fs::write(world.music().join(name), flac(seed, &tags)).unwrap();
}

/// The messages of a file in JSON.
fn messages(file: &Path) -> Vec<Value> {
    lines(&fs::read(file).unwrap_or_default())
}

#[test]
fn files_formats_and_redaction_follow_a_reload() {
    let mut world = World::new();
    let dir = world.path().to_owned();
    let (config, first, second) = (
        dir.join("config.toml"),
        dir.join("first"),
        dir.join("second"),
    );
    let write = |file: &Path, more: &str| {
        let text = format!(
            "[log]\nlevel = 'debug'\nfile = '{}'\n{more}",
            file.display()
        );
        fs::write(&config, text).unwrap();
    };
    write(&first, "format = 'json'\n");
    song(&world, "a.flac", 1);
    world.start_with(&["--config", config.to_str().unwrap()]);
    let mounted = |file: &Path| {
        let mounted = |it: &&Value| {
            let message = it["fields"]["message"].as_str().unwrap_or_default();
            message.starts_with("mounted within")
        };
        messages(file).iter().find(mounted).cloned()
    };
    let said = mounted(&first).unwrap();
    assert_eq!(said["level"], "INFO");
    assert_eq!(said["target"], "musicfs::daemon::start");
    assert_eq!(said["fields"]["mountpoint"], world.mnt().to_str().unwrap());
    assert_eq!(world.daemon_log(), "", "all of it is in the file");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&first).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // A file that was moved away is let go.
    fs::rename(&first, dir.join("moved")).unwrap();
    world.json(["reload", "--json"]);
    assert!(!messages(&first).is_empty());

    write(&second, "redact_paths = true\n");
    let answer = world.json(["reload", "--json"]);
    let expected = ["log.format", "log.file", "log.redact_paths"];
    assert_eq!(answer["applied"], serde_json::json!(expected));
    fs::remove_dir_all(world.music()).unwrap();
    world.until("its loss is told", |_| {
        let text = fs::read_to_string(&second).unwrap_or_default();
        text.contains("WARN") && text.contains("origin")
    });
    let text = fs::read_to_string(&second).unwrap();
    assert!(!text.contains(dir.to_str().unwrap()), "{text}");
    assert!(text.contains("(path)"), "{text}");

    // One that cannot be changes nothing.
    write(Path::new("/proc/no/such/file"), "");
    let output = world.run(["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    fs::create_dir(world.music()).unwrap();
    let shown = fs::read_to_string(world.mnt().join(".status/config.toml")).unwrap();
    assert!(shown.contains("log.redact_paths = true"), "{shown}");
    world.stop();
    let text = fs::read_to_string(&second).unwrap();
    assert!(text.contains("stopped within"), "{text}");
}

#[test]
fn in_the_background_messages_go_to_the_state_directory() {
    let world = World::new();
    let mut mount = world.tool(["mount".as_ref(), world.mnt().as_os_str()]);
    let mount = mount.args(["--daemon", "--origin"]).arg(world.music());
    assert!(
        mount
            .env("MUSICFS_LOG_FORMAT", "json")
            .output()
            .unwrap()
            .status
            .success()
    );
    assert!(world.run(["shutdown"]).status.success());
    let said = messages(&world.state().join("musicfs.log"));
    assert!(said.iter().all(|it| it["timestamp"].is_string()) && said.len() > 1);
}

#[test]
fn a_service_of_systemd_writes_to_the_journal() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root can put a journal where the real one is");
    }
    let world = World::new();
    let run = world.path().join("run");
    fs::create_dir_all(run.join("systemd/journal")).unwrap();
    let journal = UnixDatagram::bind(run.join("systemd/journal/socket")).unwrap();
    journal.set_read_timeout(Some(LIMIT)).unwrap();
    let line = format!(
        "umount --all --lazy --types fuse.musicfs; mount --bind {} /run && exec {} mount {} --origin {} --state-dir {}",
        run.display(),
        crate::world::binary().display(),
        world.mnt().display(),
        world.music().display(),
        world.state().display(),
    );
    let mut daemon = Command::new("unshare")
        .args(["--mount", "sh", "-c", &line])
        .env("MUSICFS_LOG_TARGET", "journal")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut buffer = [0; 4096];
    loop {
        let length = journal.recv(&mut buffer).expect("a message");
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message.starts_with("MESSAGE=mounted within") {
            assert!(message.contains("\nPRIORITY=6\n"), "{message}");
            let mountpoint = format!("\nF_MOUNTPOINT={}\n", world.mnt().display());
            assert!(message.contains(&mountpoint), "{message}");
            break;
        }
    }
    let pid = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn where_there_is_no_journal_the_daemon_says_so() {
    if Path::new("/run/systemd/journal/socket").exists() {
        return not_tested("there is a journal");
    }
    let world = World::new();
    let mut mount = world.tool(["mount".as_ref(), world.mnt().as_os_str()]);
    let output = mount.env("MUSICFS_LOG_TARGET", "journal").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("log.target: there is no journal here"),
        "{said}"
    );
}
