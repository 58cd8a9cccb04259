//! The control socket, as a client sees it that has only the protocol's own description.

use musicfs::control::Client;
use musicfs::state::StateDir;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::world::{LIMIT, World, flac};

async fn connect(world: &World) -> Client {
    let state = StateDir::existing(&world.state()).unwrap();
    Client::connect(&state).await.unwrap()
}

#[tokio::test]
async fn the_protocol_describes_itself() {
    let mut world = World::new();
    world.start();
    let client = connect(&world).await;
    let ask = |message_request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message_request),
    };
    let asked = tokio_stream::iter([
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "musicfs.v1.Event".to_owned(),
        )),
    ]);
    let mut reflection = ServerReflectionClient::new(client.channel());
    let answers = reflection.server_reflection_info(asked).await.unwrap();
    let mut answers = answers.into_inner();
    let mut next = async || answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = next().await else {
        panic!("no list of services");
    };
    let mut names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "musicfs.v1.CacheService",
            "musicfs.v1.CollectionService",
            "musicfs.v1.ControlService",
            "musicfs.v1.EventService",
            "musicfs.v1.LayoutService",
            "musicfs.v1.OriginService",
            "musicfs.v1.SearchService",
            "musicfs.v1.ViewService",
            "musicfs.v1.WebhookService",
        ]
    );
    assert!(matches!(
        next().await,
        Some(MessageResponse::FileDescriptorResponse(file)) if !file.file_descriptor_proto.is_empty()
    ));
}

#[tokio::test]
async fn health_is_told_in_the_usual_way() {
    let mut world = World::new();
    world.start();
    let mut health = HealthClient::new(connect(&world).await.channel());
    for service in ["", "musicfs.v1.EventService"] {
        let service = service.to_owned();
        let answer = health.check(HealthCheckRequest { service }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let service = "musicfs.v1.Nothing".to_owned();
    let unknown = health.check(HealthCheckRequest { service }).await;
    assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);
}

/// The status and body of a page.
fn page(address: SocketAddr, path: &str) -> (u16, String) {
    accepting(
        address,
        path,
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    )
}

fn accepting(address: SocketAddr, path: &str, accept: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

#[test]
fn metrics_are_served_where_they_are_asked_for() {
    let address = free_address();
    let mut world = World::new();
    let config = world.path().join("config.toml");
    // Nobody listens for the webhook.
    let webhook = format!(
        "[[webhooks]]\nname = \"w\"\nurl = \"http://{}/\"",
        free_address()
    );
    let text = format!("metrics.listen = \"{address}\"\n{webhook}\nretries = 0\n");
    std::fs::write(&config, text).unwrap();
    std::fs::write(world.music().join("a.flac"), flac(1, &[("TITLE", "Song")])).unwrap();
    world.start_with(&["--config", config.to_str().unwrap()]);
    assert_eq!(page(address, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(page(address, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(page(address, "/").0, 404);
    world.until("the webhook is done", |world| {
        world.status()["consumers"][0]["lag"] == 0
    });
    for path in world.tree().keys() {
        std::fs::read(world.mnt().join(path)).unwrap();
    }
    let (status, text) = page(address, "/metrics");
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "{text}");
    let names = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("# TYPE"));
        lines.map(str::to_owned).collect()
    };
    let file = std::fs::read_to_string(world.mnt().join(".status/metrics")).unwrap();
    assert_eq!(names(&file), names(&text));
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = line
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
            .parse()
            .unwrap();
        value
    };
    assert_eq!(value("musicfs_tracks"), 1.0);
    assert_eq!(value("musicfs_ready"), 1.0);
    assert_eq!(value("musicfs_origin_health{origin=\"music\"}"), 1.0);
    assert_eq!(
        value("musicfs_sync_files_changed_total{origin=\"music\"}"),
        1.0
    );
    assert_eq!(value("musicfs_log_head"), world.position() as f64);
    let deliveries = |outcome: &str| {
        let labels = format!("webhook=\"w\",outcome=\"{outcome}\"");
        value(&format!("musicfs_webhook_deliveries_total{{{labels}}}"))
    };
    assert_eq!(deliveries("ok"), 0.0);
    assert_eq!(deliveries("failed"), world.position() as f64);
    assert_eq!(deliveries("dead"), deliveries("failed"));
    let letters = value("musicfs_webhook_dead_letters{webhook=\"w\"}");
    assert_eq!(letters, deliveries("dead"));
    assert_eq!(value("musicfs_webhook_lag_events{webhook=\"w\"}"), 0.0);
    assert!(value("musicfs_fuse_ops_total{op=\"open\"}") >= 1.0);
    assert_eq!(
        value("musicfs_fuse_latency_seconds_count{op=\"lookup\"}"),
        value("musicfs_fuse_latency_seconds_bucket{le=\"+Inf\",op=\"lookup\"}")
    );
    assert_eq!(value("musicfs_access_shed_total"), 0.0);
    assert!(value("musicfs_access_events_total") + value("musicfs_access_queue") <= 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    // What promtool knows is the older format.
    let (_, text) = accepting(address, "/metrics", "*/*");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(
        checked.status.success() && said.is_empty(),
        "{said}\n{text}"
    );
}

#[test]
fn pages_are_served_until_the_control_plane_ends() {
    let address = free_address();
    let mut world = World::new();
    let config = world.path().join("config.toml");
    std::fs::write(&config, format!("metrics.listen = \"{address}\"\n")).unwrap();
    std::fs::write(world.music().join("a.flac"), flac(1, &[("TITLE", "Song")])).unwrap();
    world.start_with(&["--config", config.to_str().unwrap()]);
    // Unmounting waits for who has a file open.
    let tree = world.tree();
    let open = std::fs::File::open(world.mnt().join(tree.keys().next().unwrap())).unwrap();
    let begun = world.run(["shutdown", "--timeout", "0"]);
    assert!(!begun.status.success(), "{begun:?}");
    let state = || page(address, "/readyz");
    world.until("it is stopping", |_| {
        state() == (503, "stopping\n".to_owned())
    });
    assert_eq!(page(address, "/healthz").0, 200);
    assert_eq!(page(address, "/metrics").0, 200);
    drop(open);
    world.until("nobody listens", |_| TcpStream::connect(address).is_err());
    world.kill();
}

#[test]
fn a_service_manager_is_told() {
    let mut world = World::new();
    let path = world.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "200000"),
    ];
    world.spawn_in(&[], &environment);
    // What is told in which order is not promised, and the watchdog is fed all the while.
    let told = std::cell::RefCell::new(Vec::<String>::new());
    let wait_for = |times: usize, what: &str| {
        let began = Instant::now();
        let mut buffer = [0; 4096];
        loop {
            let mut told = told.borrow_mut();
            if told.iter().filter(|line| line.starts_with(what)).count() >= times {
                return;
            }
            assert!(began.elapsed() < LIMIT, "no {what} in {told:?}");
            let length = socket.recv(&mut buffer).unwrap();
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            told.extend(said.lines().map(str::to_owned));
        }
    };
    wait_for(1, "READY=1");
    assert!(world.mnt().join(".status").exists(), "ready means mounted");
    wait_for(1, "STATUS=0 tracks on");
    wait_for(2, "WATCHDOG=1");
    world.stop();
    wait_for(1, "STOPPING=1");
}

#[test]
fn manual_pages_are_written() {
    let world = World::new();
    let pages = world.path().join("man1");
    let output = world.run(["man".as_ref(), pages.as_os_str()]);
    assert!(output.status.success(), "{output:?}");
    for page in ["musicfs.1", "musicfs-mount.1", "musicfs-log-export.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
}
