//! Whose server it is: known hosts.

use std::fs;
use std::process::Command;

use origins::{ErrorKind, OriginError};

use super::support::{Sshd, origin};

async fn refused(sshd: &Sshd) -> OriginError {
    let error = sshd.origin().check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(
        !sshd.log().contains("Accepted") && !sshd.log().contains("userauth"),
        "a login was tried with a server that is refused: {}",
        sshd.log()
    );
    error
}

/// The public key of one type, as the server has it.
fn key(sshd: &Sshd, kind: &str) -> String {
    fs::read_to_string(sshd.dir().join(format!("host_{kind}.pub"))).unwrap()
}

fn know(sshd: &Sshd, lines: &str) {
    fs::write(sshd.dir().join("known_hosts"), lines).unwrap();
}

#[tokio::test]
async fn an_unknown_server_is_refused_and_the_message_tells_how_to_know_it() {
    let sshd = Sshd::new();
    know(&sshd, "");
    let empty = refused(&sshd).await.message;
    fs::remove_file(sshd.dir().join("known_hosts")).unwrap();
    let none = refused(&sshd).await.message;
    assert_eq!(empty, none);
    let print = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(sshd.dir().join("host_ed25519.pub"))
        .output()
        .unwrap();
    let print = String::from_utf8(print.stdout).unwrap();
    let print = print.split(' ').nth(1).unwrap();
    assert!(empty.contains(print), "{empty} without {print}");

    // What the message says to do works.
    let command = empty.split("add it with: ").nth(1).unwrap();
    let done = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    sshd.origin().check().await.unwrap();
}

#[tokio::test]
async fn a_changed_key_is_refused_loudly() {
    let sshd = Sshd::new();
    let name = format!("[127.0.0.1]:{}", sshd.server.port);
    // Another server's.
    know(&sshd, &format!("{name} {}", key(&Sshd::new(), "ed25519")));
    let message = refused(&sshd).await.message;
    assert!(message.contains("HAS CHANGED"), "{message}");

    let command = message.split("remove the old one with: ").nth(1).unwrap();
    let done = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let message = refused(&sshd).await.message;
    assert!(message.contains("is not known"), "{message}");
}

#[tokio::test]
async fn a_revoked_key_is_refused() {
    let sshd = Sshd::new();
    let key = key(&sshd, "ed25519");
    let name = format!("[127.0.0.1]:{}", sshd.server.port);
    know(&sshd, &format!("{name} {key}@revoked * {key}"));
    let message = refused(&sshd).await.message;
    assert!(message.contains("REVOKED"), "{message}");
}

/// The server would show its ed25519 key first, to who asks for none.
#[tokio::test]
async fn the_server_is_asked_for_the_key_that_is_known() {
    let sshd = Sshd::new();
    let name = format!("[127.0.0.1]:{}", sshd.server.port);
    for kind in ["ecdsa", "ed25519"] {
        know(&sshd, &format!("{name} {}", key(&sshd, kind)));
        sshd.origin().check().await.unwrap();
    }
}

#[tokio::test]
async fn hashed_names_are_known() {
    let sshd = Sshd::new();
    let file = sshd.dir().join("known_hosts");
    let hashed = Command::new("ssh-keygen").arg("-Hf").arg(&file).output();
    assert!(hashed.unwrap().status.success());
    assert!(fs::read_to_string(&file).unwrap().starts_with("|1|"));
    sshd.origin().check().await.unwrap();
}

#[tokio::test]
async fn a_server_with_none_but_rsa_keys_is_told_what_it_lacks() {
    let sshd = Sshd::with(&["HostKeyAlgorithms", "rsa-sha2-512,rsa-sha2-256"]);
    let error = sshd.origin().check().await.unwrap_err();
    assert!(error.message.contains("ed25519 key"), "{error}");
}

#[tokio::test]
async fn what_is_no_ssh_server_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer)
            .await
            .unwrap();
    });
    let sshd = Sshd::new();
    let mut settings = sshd.settings();
    settings.port = port;
    let error = origin(settings).check().await.unwrap_err();
    assert!(error.kind != ErrorKind::NotFound, "{error}");
    served.await.unwrap();
}
