//! HTTPS: who is trusted, and who is not.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::receiver::Receiver;
use super::{add, configure, listed, told, until_done};
use crate::world::World;

/// A receiver over TLS: prints its port, then the path of each request.
const SERVER: &str = r#"
import http.server, ssl, sys

class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        print(self.path, flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server {
    python: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl Server {
    /// A server with a certificate of its own for localhost, left in the directory as `cert.pem`.
    fn new(dir: &Path) -> Self {
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ])
            .args([
                "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let mut python = Command::new("python3")
            .args(["-c", SERVER, "cert.pem", "key.pem"])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(python.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        Self {
            python,
            lines,
            port,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.python.kill());
        drop(self.python.wait());
    }
}

#[test]
fn only_who_is_trusted_is_told_over_https() {
    let mut world = World::new();
    let mut server = Server::new(world.path());
    let plain = Receiver::new();
    let text = format!(
        "[[webhooks]]\nname = 'safe'\nurl = 'https://localhost:{}/safe'\nretries = 0\n\
         [[webhooks]]\nname = 'plain'\nurl = '{}'\n",
        server.port,
        plain.url("/")
    );
    let [flag, path] = configure(&world, &text);
    let certificate = world.path().join("cert.pem");
    let trusting = [("SSL_CERT_FILE", certificate.to_str().unwrap())];
    world.spawn_in(&[&flag, &path], &trusting);
    world.until("the daemon is ready", |world| {
        world.status()["state"] == "ready"
    });
    until_done(&world, "safe");
    assert_eq!(listed(&world, "safe")["dead_letters"], 0);
    assert_eq!(server.lines.next().unwrap().unwrap(), "/safe");
    world.stop();

    // Where nobody is trusted, HTTP goes on.
    let nobody = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nowhere")];
    world.spawn_in(&[&flag, &path], &nobody);
    world.until("the daemon is ready", |world| {
        world.status()["state"] == "ready"
    });
    add(&world, 1);
    world.until("it is in the log", |world| world.status()["tracks"] == 1);
    until_done(&world, "safe");
    until_done(&world, "plain");
    assert_eq!(told(&plain.hits()).len() as u64, world.position());
    let problem = listed(&world, "safe")["problem"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(problem.contains("certificate"), "{problem}");
    assert_ne!(listed(&world, "safe")["dead_letters"], 0);
}
