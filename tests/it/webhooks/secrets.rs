//! Secrets are shown nowhere; mistakes are told without them.

use super::receiver::{Receiver, Reply};
use super::{configure, listed, put};
use crate::world::{World, files};

const SECRETS: [&str; 4] = ["s1gning-key", "t0ken-in-file", "envir0nment", "qu3ry-token"];

#[track_caller]
fn hides(place: &str, text: &str) {
    assert!(!text.is_empty(), "{place} is empty");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{place} tells {secret}:\n{text}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let refusing = Receiver::answering(|_| Reply::Status(403));
    let mut world = World::new();
    put(&world, "1.flac", 1, &[("TITLE", "Song")]);
    let file = world.path().join("token");
    std::fs::write(&file, format!("{}\n", SECRETS[1])).unwrap();
    let gone = Receiver::new();
    let nobody = gone.url("");
    drop(gone);
    let text = format!(
        "[[webhooks]]\nname = 'signed'\nurl = '{}'\nsecret = '{}'\n\
         [[webhooks]]\nname = 'absent'\nurl = '{nobody}/?token={}'\nretries = 1\n\
         [[webhooks]]\nname = 'plex'\nformat = 'plex'\nurl = '{nobody}'\ntoken_file = '{}'\n\
         library = 1\nretries = 0\n\
         [[webhooks]]\nname = 'navidrome'\nformat = 'navidrome'\nurl = '{}'\nuser = 'me'\n\
         token_env = 'NAVIDROME_TOKEN'\n",
        refusing.url("/?a"),
        SECRETS[0],
        SECRETS[3],
        file.display(),
        refusing.url(""),
    );
    let [flag, path] = configure(&world, &text);
    let environment = [("NAVIDROME_TOKEN", SECRETS[2])];
    world.spawn_in(&[&flag, &path, "-vv"], &environment);
    world.until("the daemon is ready", |world| {
        world.status()["state"] == "ready"
    });
    for name in ["signed", "absent", "plex", "navidrome"] {
        let what = format!("{name} has failed");
        world.until(&what, |world| {
            listed(world, name)["dead_letters"].as_u64() > Some(0)
        });
    }
    for line in [
        vec!["config", "show", &flag, &path],
        vec!["config", "show", "--json", &flag, &path],
        vec!["webhook", "list"],
        vec!["webhook", "list", "--json"],
        vec!["status", "--json"],
        vec!["webhook", "test", "absent"],
        vec!["webhook", "test", "navidrome", "--json"],
    ] {
        let output = world.run(&line);
        let told = [output.stdout, output.stderr].concat();
        hides(&line.join(" "), &String::from_utf8(told).unwrap());
    }
    for name in files(&world.mnt().join(".status"))
        .keys()
        .filter(|name| *name != "rescan")
    {
        let text = std::fs::read_to_string(world.mnt().join(".status").join(name)).unwrap();
        hides(name, &text);
    }
    let config = std::fs::read_to_string(world.mnt().join(".status/config.toml")).unwrap();
    assert!(
        config.contains("[[webhooks]]\nname = \"signed\"\n"),
        "{config}"
    );
    assert!(config.contains("secret = \"(hidden)\"\n"), "{config}");
    hides("the daemon's messages", &world.daemon_log());
    world.stop();
    hides("the last messages", &world.daemon_log());
    for (name, _) in files(&world.state()) {
        let bytes = std::fs::read(world.state().join(&name)).unwrap();
        hides(&name, &format!("x{}", String::from_utf8_lossy(&bytes)));
    }
}

#[test]
fn mistakes_in_the_configuration_are_told_at_once() {
    let world = World::new();
    let url = "url = 'http://127.0.0.1:1/'";
    let cases = [
        (
            format!("name = 'a'\n{url}\nsecrt = 'hunter2'"),
            ":4:1: there is no key `secrt`\nhint: did you mean `secret`?",
        ),
        (
            format!("name = 'a'\n{url}\nformat = 'emby'"),
            ":4:1: `format` is \"emby\", and has to be musicfs or jellyfin or plex or navidrome",
        ),
        (
            "name = 'a'\nurl = 'http://me:hunter2@host/'".to_owned(),
            ":3:1: `url` takes no user or password in the address, since addresses are shown",
        ),
        (
            format!("name = 'a b'\n{url}"),
            ":2:1: `name` is \"a b\", and has to be 1 to 64",
        ),
        (url.to_owned(), ":1:1: this webhook has no name"),
        (
            format!("name = 'a'\n{url}\nsecret = 'hunter2'\nsecret_env = 'X'"),
            ":5:1: `secret_env` comes beside another key for the same; keep one of them",
        ),
        (
            format!("name = 'a'\n{url}\nevents = ['track.mooved']"),
            ":4:1: `events` has \"track.mooved\", which no event is of; did you mean \"track.moved\"?",
        ),
        (
            format!("name = 'a'\n{url}\nsecret_file = '/nowhere/secret'"),
            "error: webhook a: its secret names the file /nowhere/secret, which cannot be read: no \
             such file or directory",
        ),
        (
            format!("name = 'a'\n{url}\nformat = 'jellyfin'\ntoken_env = 'NOT_SET'"),
            "error: webhook a: its token names the variable NOT_SET, which is not set",
        ),
        (
            format!("name = 'a'\n{url}\n[[webhooks]]\nname = 'a'\n{url}"),
            ":4:1: another webhook has the same name",
        ),
        (
            format!("name = 'a'\n{url}\nformat = 'plex'\ntoken = 'hunter2'"),
            ":1:1: a webhook of format plex has a library: the number of its section",
        ),
    ];
    for (text, expected) in cases {
        let [flag, path] = configure(&world, &format!("[[webhooks]]\n{text}\n"));
        let mount = world.mnt();
        for line in [
            vec!["config", "check"],
            vec!["mount", mount.to_str().unwrap()],
        ] {
            let output = world.run([line, vec![&flag, &path]].concat());
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(4), "{text}\n{told}");
            assert!(told.contains(expected), "{text}\n{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
