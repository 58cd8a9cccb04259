//! What docs/WEBHOOKS.md has people type, run.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{add, listed, start, until_done};
use crate::world::{World, root};

/// The first block of a language behind a heading; `None` where the documentation is not at hand.
fn block(heading: &str, language: &str) -> Option<String> {
    let text = std::fs::read_to_string(root().join("docs/WEBHOOKS.md")).ok()?;
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once(&format!("\n```{language}\n")).unwrap();
    Some(block.split_once("\n```\n").unwrap().0.to_owned() + "\n")
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn signature(secret: &str, timestamp: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// The status that a server answers a request with.
fn post(address: SocketAddr, timestamp: u64, signature: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nX-MusicFS-Timestamp: {timestamp}\r\n\
         X-MusicFS-Signature: {signature}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn the_receiver_in_python_works_with_the_configuration_beside_it() {
    let Some(script) = block("Get your first webhook", "python") else {
        return;
    };
    let config = block("Get your first webhook", "toml").unwrap();
    let run = block("Get your first webhook", "sh").unwrap();
    let (_, secret) = run.split_once("SECRET=").unwrap();
    let secret = secret.split_whitespace().next().unwrap();
    let mut world = World::new();
    let address = free_address();
    let file = world.path().join("hook.py");
    assert_eq!(script.matches("8080").count(), 1);
    std::fs::write(&file, script.replace("8080", &address.port().to_string())).unwrap();
    let mut python = Command::new("python3");
    python
        .arg(&file)
        .env("SECRET", secret)
        .stdout(Stdio::piped());
    let mut python = Running(python.spawn().unwrap());
    world.until("it listens", |_| TcpStream::connect(address).is_ok());

    let [right, other] = ["{\"event_type\": \"a\", \"path\": null}", "{}"];
    let stamp = now();
    let good = signature(secret, stamp, right);
    assert_eq!(
        post(address, stamp, &signature("guess", stamp, right), right),
        "401"
    );
    assert_eq!(post(address, stamp, &good, other), "401");
    assert_eq!(post(address, stamp, &good, right), "204");
    let old = now() - 3_600;
    assert_eq!(
        post(address, old, &signature(secret, old, right), right),
        "401"
    );

    start(
        &mut world,
        &config.replace("8080", &address.port().to_string()),
    );
    let tested = world.run(["webhook", "test", "my-script"]);
    assert!(tested.status.success(), "{tested:?}");
    add(&world, 1);
    world.until("a track was found", |world| world.status()["tracks"] == 1);
    until_done(&world, "my-script");
    assert_eq!(listed(&world, "my-script")["dead_letters"], 0);
    let mut printed = String::new();
    let mut stdout = BufReader::new(python.0.stdout.take().unwrap());
    while !printed.contains("track.discovered") {
        printed.clear();
        assert!(stdout.read_line(&mut printed).unwrap() > 0, "it has ended");
    }
    assert_eq!(printed, "track.discovered 1.flac\n");
}

#[test]
fn the_check_in_the_shell_tells_genuine_from_forged() {
    let Some(script) = block("Check that a request is genuine", "sh") else {
        return;
    };
    let check = |timestamp: u64, signature: &str, body: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).env("SECRET", "correct-horse");
        shell
            .env("TIMESTAMP", timestamp.to_string())
            .env("SIGNATURE", signature);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(body.as_bytes())
            .unwrap();
        let output = shell.wait_with_output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let body = "{\"id\": \"ä\\n\"}\n";
    let stamp = now();
    let good = signature("correct-horse", stamp, body);
    assert_eq!(check(stamp, &good, body), (true, "genuine\n".to_owned()));
    assert!(!check(stamp, &good, "{}").0);
    assert!(!check(stamp, &signature("guess", stamp, body), body).0);
    let old = stamp - 3_600;
    assert!(!check(old, &signature("correct-horse", old, body), body).0);
}

#[test]
fn every_example_of_a_configuration_is_one() {
    let Ok(text) = std::fs::read_to_string(root().join("docs/WEBHOOKS.md")) else {
        return;
    };
    let world = World::new();
    let secret = world.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    let mut all = String::new();
    for part in text.split("\n```toml\n").skip(1) {
        let example = part.split_once("\n```\n").unwrap().0;
        for line in example.lines() {
            // The files of the examples are not on this machine.
            match line.split_once("_file = ") {
                Some((key, _)) => all.push_str(&format!("{key}_file = {secret:?}\n")),
                None => all.push_str(&format!("{line}\n")),
            }
        }
    }
    assert_eq!(all.matches("[[webhooks]]").count(), 4);
    let [flag, path] = super::configure(&world, &all);
    let mut check = world.tool(["config", "check", &flag, &path]);
    let checked = check.env("PLEX_TOKEN", "x").output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
