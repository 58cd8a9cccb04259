//! `musicfs config`, and configurations that are wrong.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::tool::{Home, says};
use crate::world::{World, binary};

const FILE: &str = ".config/musicfs/config.toml";

#[test]
fn a_typing_error_is_placed_and_the_key_suggested() {
    let home = Home::new();
    home.file(FILE, "mountpoint = '~/view'\n\n[log]\nlevle = 'debug'\n");
    says(
        &home.run("config check"),
        "[4]
        error: ~/.config/musicfs/config.toml:4:1: there is no key `log.levle`
        hint: did you mean `log.level`?",
    );
}

#[test]
fn all_that_is_wrong_is_told_in_one_go() {
    let home = Home::new();
    home.file(
        "mine.toml",
        "scan.threads = 0\nlog.levle = 'x'\n[[origins]]\nid = 'A'\npath = 'm'\n",
    );
    let expected = "[4]
        error: mine.toml:1:6: `scan.threads` takes a number from 1 to 64
        hint: correct the file, then try `musicfs config check`; docs/CONFIGURATION.md explains every key
        error: mine.toml:2:5: there is no key `log.levle`
        hint: did you mean `log.level`?
        error: mine.toml:4:1: `id` \"A\" is not an origin id (1 to 64 of a-z 0-9 . _ -, first a letter or digit)
        hint: correct the file, then try `musicfs config check`; docs/CONFIGURATION.md explains every key
        error: mine.toml:5:1: `path` \"m\" is no absolute path; write it from / or from ~/
        hint: correct the file, then try `musicfs config check`; docs/CONFIGURATION.md explains every key
        error: MUSICFS_LOG_FORMAT is \"xml\", and has to be text or json";
    for line in ["config check mine.toml", "config check --config mine.toml"] {
        says(&home.run_with("MUSICFS_LOG_FORMAT", "xml", line), expected);
    }
}

#[test]
fn a_file_that_is_no_text() {
    let home = Home::new();
    std::fs::write(home.path("mine.toml"), b"# fine\nmountpoint = '/caf\xe9'\n").unwrap();
    says(
        &home.run("config check mine.toml"),
        "[4]
        error: mine.toml:2:19: this is not UTF-8, as a configuration has to be
        hint: save the file as UTF-8, then try `musicfs config check`",
    );
}

#[test]
fn an_origin_that_is_not_there_is_a_warning() {
    let home = Home::new();
    home.file(
        FILE,
        "[[origins]]\npath = '~/music'\n[[origins]]\npath = '~/nas'\n",
    );
    says(
        &home.run("config check"),
        "~/.config/musicfs/config.toml is fine
        warning: cannot read the origin ~/nas: no such file or directory
        hint: check the path; if it is on a disk or share, mount that first",
    );
    let checked = home.json("config check --json");
    assert_eq!(checked["ok"], true);
    assert_eq!(checked["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_is_no_toml() {
    let home = Home::new();
    home.file(FILE, "mountpoint = \n");
    let said = home.run("mount");
    assert!(
        said.starts_with("[4]\nerror: ~/.config/musicfs/config.toml:1:"),
        "{said}"
    );
    assert!(
        said.contains("hint: correct the file, then try `musicfs config check`"),
        "{said}"
    );
}

#[test]
fn a_file_that_was_named_and_is_absent() {
    says(
        &Home::new().run("mount view --config mine.toml"),
        "[4]
        error: cannot read the configuration mine.toml: no such file or directory
        hint: name another file with --config, or make one with `musicfs config init`",
    );
}

#[test]
fn a_template_that_is_none() {
    let home = Home::new();
    home.file(FILE, "layout.template = '$artist/$titl.$format'\n");
    says(
        &home.run("config check"),
        "[4]
        error: layout.template: template, column 9: no variable is called \"titl\"; did you mean '$title'?
        hint: try it with `musicfs layout preview TEMPLATE`",
    );
}

#[test]
fn a_variable_that_is_wrong() {
    says(
        &Home::new().run_with("MUSICFS_SCAN_THREADS", "many", "config check"),
        "[4]
        error: MUSICFS_SCAN_THREADS takes a number from 1 to 64",
    );
}

#[test]
fn init_writes_a_file_once() {
    let home = Home::new();
    says(
        &home.run("config init"),
        "wrote ~/.config/musicfs/config.toml",
    );
    says(
        &home.run("config check"),
        "~/.config/musicfs/config.toml is fine",
    );
    says(
        &home.run("config init"),
        "[4]
        error: there is a configuration in ~/.config/musicfs/config.toml already
        hint: edit that one, or see `musicfs config init --print`",
    );
}

#[test]
fn show_tells_where_values_come_from() {
    let home = Home::new();
    home.file(
        FILE,
        "mountpoint = '~/view'\nscan.threads = 2\n\n[[origins]]\nid = 'a'\npath = '~/music'\n",
    );
    says(
        &home.run_with("MUSICFS_LOG_LEVEL", "warn", "config show --state-dir state"),
        "mountpoint = \"~/view\"  # ~/.config/musicfs/config.toml:1
        state_dir = \"~/state\"  # --state-dir
        mount.options = []  # default
        layout.template = (none)  # default
        layout.names = (none)  # default
        layout.duplicates = (none)  # default
        scan.threads = 2  # ~/.config/musicfs/config.toml:2
        scan.sidecars = [\"jpg\", \"jpeg\", \"png\", \"webp\", \"gif\", \"bmp\", \"tif\", \"tiff\", \"lrc\", \"cue\", \"m3u\", \"m3u8\", \"pls\", \"pdf\", \"txt\", \"nfo\", \"log\"]  # default
        cache.enabled = true  # default
        cache.dir = (none)  # default
        cache.size = \"10 GB\"  # default
        cache.delta_verify = \"sampled\"  # default
        cache.verify_budget = \"1 GB\"  # default
        prefetch.enabled = true  # default
        prefetch.tracks = 3  # default
        prefetch.queue = 100  # default
        prefetch.concurrency = 2  # default
        access.enabled = true  # default
        access.process_names = true  # default
        access.keep_days = 0  # default
        metrics.listen = (none)  # default
        control.listen = (none)  # default
        control.tls_cert = (none)  # default
        control.tls_key = (none)  # default
        control.token_file = (none)  # default
        log.level = \"warn\"  # MUSICFS_LOG_LEVEL
        log.format = \"text\"  # default
        log.target = \"auto\"  # default
        log.file = (none)  # default
        log.rotate_mb = 10  # default
        log.keep = 5  # default
        log.redact_paths = false  # default
        origins = [{ id = \"a\", type = \"local\", path = \"~/music\", refresh = \"watch\", interval = 300 }]  \
         # ~/.config/musicfs/config.toml:4
        webhooks = []  # default
        collections = []  # default",
    );
}

#[test]
fn show_is_data_too() {
    let home = Home::new();
    let shown: serde_json::Value =
        serde_json::from_str(&home.run_with("MUSICFS_SCAN_THREADS", "3", "config show --json"))
            .unwrap();
    assert_eq!(shown["scan.threads"]["value"], 3);
    assert_eq!(shown["scan.threads"]["source"], "MUSICFS_SCAN_THREADS");
    assert_eq!(shown["mountpoint"]["value"], serde_json::Value::Null);
}

#[test]
fn a_configuration_that_is_wrong_by_now_keeps_nobody_from_the_daemon() {
    let mut world = World::new();
    world.add_songs(1..=1);
    world.start();
    let home = world.path().join("somebody");
    let config = home.join(".config/musicfs/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let state = world.state();
    let text = format!("state_dir = {state:?}\n[log]\nlevle = 'debug'\n");
    fs::write(&config, &text).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.args(args).env_clear().env("HOME", &home);
        command.output().unwrap()
    };
    let refused = |args: &[&str]| {
        let output = run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    };
    for args in [["status", "--json"], ["origin", "list"]] {
        let output = run(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        assert!(said.contains("warning: ") && said.contains("`log.levle`"));
    }
    // Where it does not say which daemon, none is taken for it.
    for wrong in [
        "state_dri = '/nowhere'\n",
        "state_dir = \"unclosed\n",
        "state_dir = 5\n",
    ] {
        fs::write(&config, wrong).unwrap();
        let (code, said) = refused(&["status"]);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("error: ") && !said.contains("warning"));
    }
    fs::write(&config, text).unwrap();
    assert!(run(&["shutdown", "--json"]).status.success());
    assert!(world.ended(Duration::from_secs(20)).success());
    // What opens the state itself is not to guess which.
    let (code, said) = refused(&["log", "verify"]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("error: ") && said.contains("`log.levle`"));
}
