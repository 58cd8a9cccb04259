//! Control over TCP, with TLS and a token (CTL-1, SEC-2).

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use musicfs::control::tcp::Token;
use musicfs::control::{Client, Remote};
use proto::v1;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{LIMIT, World};

const TOKEN: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";
const OTHER: &str = "deadbeefdeadbeefdeadbeefdeadbeef";

/// A daemon that listens on a port of its own.
struct Listening {
    world: World,
    address: SocketAddr,
    config: PathBuf,
}

/// Makes a certificate for this machine, and its key, under that name.
fn certify(dir: &Path, name: &str) {
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '))
        .args(["-subj", "/CN=musicfs"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .arg("-keyout")
        .arg(dir.join(format!("{name}.key")))
        .arg("-out")
        .arg(dir.join(format!("{name}.crt")))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

impl Listening {
    fn new() -> Self {
        let mut world = World::new();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        certify(world.path(), "control");
        fs::write(world.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let config = world.path().join("config.toml");
        fs::write(&config, configuration(world.path(), address)).unwrap();
        world.start_with(&["--config", config.to_str().unwrap()]);
        Self {
            world,
            address,
            config,
        }
    }

    /// The tool, asking over TCP.
    fn run(&self, line: &str, token: &str) -> Output {
        let file = self.world.path().join("client.token");
        fs::write(&file, token).unwrap();
        Command::new(crate::world::binary())
            .args(line.split(' '))
            .arg(format!(
                "--connect=https://localhost:{}",
                self.address.port()
            ))
            .arg("--token-file")
            .arg(file)
            .arg("--ca")
            .arg(self.world.path().join("control.crt"))
            .env_clear()
            .env("HOME", self.world.path().join("home"))
            .output()
            .unwrap()
    }

    async fn client(&self, token: Option<&str>) -> Client {
        let remote = Remote {
            address: format!("https://{}", self.address),
            token: token.map(|token| Token::new(token).unwrap()),
            authorities: Some(fs::read(self.world.path().join("control.crt")).unwrap()),
        };
        Client::connect_to(&remote).await.unwrap()
    }
}

fn configuration(dir: &Path, address: SocketAddr) -> String {
    let dir = dir.display();
    format!(
        "[control]\nlisten = \"{address}\"\ntls_cert = \"{dir}/control.crt\"\n\
         tls_key = \"{dir}/control.key\"\ntoken_file = \"{dir}/token\"\n"
    )
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_tool_works_from_elsewhere() {
    let mut daemon = Listening::new();
    let output = daemon.run("status --json", TOKEN);
    assert!(output.status.success(), "{}", stderr(&output));
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["state"], "ready");
    for line in ["events", "origin list", "origin rescan", "replay --check"] {
        let output = daemon.run(line, TOKEN);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }
    for line in [
        "explain x",
        "log verify",
        "mount /mnt",
        "doctor",
        "replay --to 1",
    ] {
        let output = daemon.run(line, TOKEN);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
    }
    let output = daemon.run("status", OTHER);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).starts_with("error: the token is another than the daemon's\nhint: "));
    let output = daemon.run("shutdown", TOKEN);
    assert_eq!(output.stdout, b"stopping\n");
    daemon.world.until("it has stopped", |world| {
        !world.state().join("control.sock").exists()
    });
    let output = daemon.run("status", TOKEN);
    assert_eq!(output.status.code(), Some(8), "{}", stderr(&output));
    daemon.world.kill();
}

#[tokio::test]
async fn nobody_is_answered_without_the_token() {
    let daemon = Listening::new();
    for token in [None, Some(OTHER)] {
        let client = daemon.client(token).await;
        let status = client.control().get_status(v1::GetStatusRequest {}).await;
        assert_eq!(status.unwrap_err().code(), Code::Unauthenticated);
        let mut health = HealthClient::new(client.channel());
        let health = health.check(HealthCheckRequest::default()).await;
        assert_eq!(health.unwrap_err().code(), Code::Unauthenticated);
        let request = v1::SubscribeEventsRequest::default();
        let events = client.events().subscribe_events(request).await;
        assert_eq!(events.unwrap_err().code(), Code::Unauthenticated);
    }
    let client = daemon.client(Some(TOKEN)).await;
    let answer = client.control().get_status(v1::GetStatusRequest {}).await;
    assert_eq!(answer.unwrap().into_inner().pid, daemon.world.pid());
}

#[test]
fn what_is_no_tls_is_turned_away_and_hurts_nobody() {
    let daemon = Listening::new();
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // An alert of TLS (RFC 8446 §6), and the end.
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    let _silent = TcpStream::connect(daemon.address).unwrap();
    assert!(daemon.run("status", TOKEN).status.success());
}

#[test]
fn who_is_not_believed_is_not_told_the_token() {
    let daemon = Listening::new();
    certify(daemon.world.path(), "another");
    let output = Command::new(crate::world::binary())
        .arg("status")
        .arg(format!("--connect=https://{}", daemon.address))
        .arg("--ca")
        .arg(daemon.world.path().join("another.crt"))
        .env("MUSICFS_CONTROL_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(8));
    let said = stderr(&output);
    assert!(
        said.contains("certificate") && said.contains("--ca"),
        "{said}"
    );
    assert!(!said.contains(TOKEN));
    let plain = ["status", "--connect", "http://localhost:1"];
    let output = Command::new(crate::world::binary())
        .args(plain)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_reload_renews_the_certificate_and_the_token() {
    let daemon = Listening::new();
    certify(daemon.world.path(), "control");
    fs::write(daemon.world.path().join("token"), OTHER).unwrap();
    let refused = daemon.run("status", TOKEN);
    assert!(stderr(&refused).contains("certificate"), "{refused:?}");
    let answer = daemon.world.json(["reload", "--json"]);
    let note = "control over TCP has another certificate, key or token";
    assert_eq!(answer["notes"], serde_json::json!([note]));
    assert_eq!(daemon.run("status", TOKEN).status.code(), Some(4));
    assert!(daemon.run("status", OTHER).status.success());

    // What cannot be used changes nothing.
    fs::write(daemon.world.path().join("token"), "short").unwrap();
    let output = daemon.world.run(["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        stderr(&output).contains("token: a token has 20"),
        "{output:?}"
    );
    assert!(daemon.run("status", OTHER).status.success());

    fs::write(&daemon.config, "").unwrap();
    let answer = daemon.world.json(["reload", "--json"]);
    assert_eq!(answer["applied"].as_array().unwrap().len(), 4, "{answer}");
    daemon.world.until("nobody listens", |_| {
        TcpStream::connect(daemon.address).is_err()
    });
}

#[tokio::test]
async fn who_knows_only_the_old_token_is_cut_off() {
    let daemon = Listening::new();
    let client = daemon.client(Some(TOKEN)).await;
    let request = v1::SubscribeEventsRequest::default();
    let events = client.events().subscribe_events(request).await;
    let mut events = events.unwrap().into_inner();
    // One that no service ends by itself.
    let mut health = HealthClient::new(client.channel());
    let mut told = tonic::Request::new(HealthCheckRequest::default());
    let header = format!("Bearer {TOKEN}").parse().unwrap();
    told.metadata_mut().insert("authorization", header);
    let mut health = health.watch(told).await.unwrap().into_inner();
    assert!(health.message().await.unwrap().is_some());

    // Another certificate alone ends nothing.
    certify(daemon.world.path(), "control");
    daemon.world.json(["reload", "--json"]);
    let status = client.control().get_status(v1::GetStatusRequest {}).await;
    status.unwrap();

    fs::write(daemon.world.path().join("token"), OTHER).unwrap();
    daemon.world.json(["reload", "--json"]);
    let end = async {
        while let Ok(Some(_)) = events.message().await {}
        while let Ok(Some(_)) = health.message().await {}
    };
    tokio::time::timeout(LIMIT, end).await.expect("streams end");
    assert!(daemon.run("status", OTHER).status.success());

    // Who asks for it over TCP still gets the answer.
    fs::write(daemon.world.path().join("token"), TOKEN).unwrap();
    let output = daemon.run("reload", OTHER);
    assert!(output.status.success(), "{output:?}");
    assert!(daemon.run("status", TOKEN).status.success());
}

#[test]
fn one_peer_does_not_take_all_places() {
    let daemon = Listening::new();
    let connect = || TcpStream::connect(daemon.address).unwrap();
    let silent: Vec<_> = (0..40).map(|_| connect()).collect();
    let said = || daemon.world.daemon_log().matches("turned away").count();
    daemon.world.until("some are turned away", |_| said() == 1);
    let mut last = silent.last().unwrap();
    last.set_read_timeout(Some(LIMIT)).unwrap();
    assert!(matches!(last.read(&mut [0]), Ok(0) | Err(_)));
    drop(silent);
    daemon.world.until("there are places again", |_| {
        daemon.run("status", TOKEN).status.success()
    });
    drop((0..40).map(|_| connect()).collect::<Vec<_>>());
    assert_eq!(said(), 1);
}

#[test]
fn an_address_gives_way_to_one_that_holds_it() {
    let daemon = Listening::new();
    let write = |address: SocketAddr| {
        fs::write(&daemon.config, configuration(daemon.world.path(), address)).unwrap();
    };
    let wide = SocketAddr::new("0.0.0.0".parse().unwrap(), daemon.address.port());
    write(wide);
    let answer = daemon.world.json(["reload", "--json"]);
    assert_eq!(answer["applied"], serde_json::json!(["control.listen"]));
    assert!(daemon.run("status", TOKEN).status.success());

    // An address of documentation (RFC 5737), which no machine has.
    write(SocketAddr::new("192.0.2.1".parse().unwrap(), wide.port()));
    let output = daemon.world.run(["reload"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = stderr(&output);
    assert!(said.contains("cannot serve control on 192.0.2.1"), "{said}");
    assert!(daemon.run("status", TOKEN).status.success());
}

#[test]
fn the_token_is_shown_nowhere() {
    let daemon = Listening::new();
    let _refused = daemon.run("status", OTHER);
    let world = &daemon.world;
    let shown = [
        world
            .run([
                "config",
                "show",
                "--config",
                daemon.config.to_str().unwrap(),
            ])
            .stdout,
        fs::read(world.mnt().join(".status/config.toml")).unwrap(),
        fs::read(world.mnt().join(".status/status.json")).unwrap(),
        world.daemon_log().into_bytes(),
        fs::read(format!("/proc/{}/cmdline", world.pid())).unwrap(),
    ];
    for text in shown {
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(
            !text.is_empty() && !text.contains(TOKEN) && !text.contains(OTHER),
            "{text}"
        );
    }
}

#[test]
fn a_daemon_does_not_start_with_less_than_it_takes() {
    let mut world = World::new();
    certify(world.path(), "control");
    certify(world.path(), "another");
    let dir = world.path().to_owned();
    fs::write(dir.join("token"), TOKEN).unwrap();
    fs::write(dir.join("garbage"), "garbage").unwrap();
    let whole = configuration(&dir, "127.0.0.1:1".parse().unwrap());
    let without = |key: &str| -> String {
        let lines = whole.lines().filter(|line| !line.starts_with(key));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let cases = [
        (
            without("tls_cert"),
            "set control.tls_cert and control.tls_key".to_owned(),
        ),
        (
            without("token_file"),
            "set control.token_file, or MUSICFS_CONTROL_TOKEN".to_owned(),
        ),
        (
            whole.replace("control.crt", "absent.crt"),
            format!(
                "control.tls_cert: cannot read {}/absent.crt: no such file",
                dir.display()
            ),
        ),
        (
            whole.replace("control.crt", "garbage"),
            format!(
                "control.tls_cert: {}/garbage holds no certificate in PEM",
                dir.display()
            ),
        ),
        (
            whole.replace("control.key", "garbage"),
            format!(
                "control.tls_key: {}/garbage holds no private key in PEM",
                dir.display()
            ),
        ),
        (
            whole.replace("control.key", "another.key"),
            "another.key is not the key of the certificate".to_owned(),
        ),
        (
            whole.replace("token\"", "garbage\""),
            format!(
                "control.token_file: {}/garbage: a token has 20",
                dir.display()
            ),
        ),
    ];
    let (config, mnt) = (dir.join("config.toml"), world.mnt());
    for (text, expected) in cases {
        fs::write(&config, text).unwrap();
        let mut mount = world.tool([OsStr::new("mount"), mnt.as_os_str()]);
        let check = world.run(["config", "check", "--config", config.to_str().unwrap()]);
        for output in [mount.arg("--config").arg(&config).output().unwrap(), check] {
            assert_eq!(output.status.code(), Some(4), "{output:?}");
            assert!(
                stderr(&output).contains(&expected),
                "{expected}\n{output:?}"
            );
        }
    }
    world.kill();
}
