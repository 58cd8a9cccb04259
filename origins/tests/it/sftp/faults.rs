//! Servers that die, come back, or fall silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use origins::{Depth, ErrorKind, Origin, SftpOrigin};
use tokio::time::timeout;

use super::support::{Sshd, origin};
use crate::servers::{children, signal};
use crate::support::path;

/// The processes that serve the sessions of a server, all below the one that listens.
fn sessions(sshd: &Sshd) -> Vec<String> {
    let listening = children(&sshd.server.id().to_string());
    let mut found: Vec<String> = listening.iter().flat_map(|id| children(id)).collect();
    let mut seen = 0;
    while let Some(id) = found.get(seen) {
        found.extend(children(&id.clone()));
        seen += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_in_the_middle_of_a_read_is_offline_until_it_is_back() {
    let mut sshd = Sshd::new();
    let content = vec![7; 64 << 20];
    sshd.put("long", &content);
    let origin = sshd.origin();
    let revision = origin.stat(&path("long")).await.unwrap();
    let file = origin.open(&path("long"), &revision).await.unwrap();
    file.read_at(0, 10).await.unwrap();
    let reading = {
        let file = Arc::clone(&file);
        tokio::spawn(async move { file.read_at(0, 64 << 20).await })
    };
    let dying = tokio::task::spawn_blocking(move || {
        sshd.server.stop();
        sshd
    });
    let mut sshd = dying.await.unwrap();
    match reading.await.unwrap() {
        // It may have been faster.
        Ok(read) => assert!(*read == content),
        Err(error) => assert_eq!(error.kind, ErrorKind::Offline, "{error}"),
    }
    let error = file.read_at(5, 10).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    let walk: Vec<_> = origin.walk(&path(""), Depth::All).collect().await;
    assert_eq!(walk.len(), 1);
    assert_eq!(walk[0].as_ref().unwrap_err().error.kind, ErrorKind::Offline);

    sshd.restart();
    assert_eq!(&*file.read_at(5, 3).await.unwrap(), &[7, 7, 7]);
    origin.check().await.unwrap();
}

#[tokio::test]
async fn a_session_that_broke_is_replaced_at_once() {
    let sshd = Sshd::new();
    sshd.put("1", b"abc");
    let origin = sshd.origin();
    let revision = origin.stat(&path("1")).await.unwrap();
    let file = origin.open(&path("1"), &revision).await.unwrap();
    for _ in 0..5 {
        signal("-KILL", &sessions(&sshd));
        assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"abc");
        signal("-KILL", &sessions(&sshd));
        assert_eq!(origin.stat(&path("1")).await.unwrap(), revision);
        signal("-KILL", &sessions(&sshd));
        let walk: Vec<_> = origin.walk(&path(""), Depth::All).collect().await;
        assert_eq!(walk[0].as_ref().unwrap().files.len(), 1);
    }
}

/// The way there swallows everything: the caller's own limit ends the call, and the next one goes
/// another way, though only one session may be open.
#[tokio::test]
async fn a_session_that_fell_silent_is_replaced_once_a_caller_gave_it_up() {
    let sshd = Sshd::new();
    sshd.put("1", b"abc");
    let mut settings = sshd.settings();
    settings.connections = 1;
    let origin = origin(settings);
    let revision = origin.stat(&path("1")).await.unwrap();
    let file = origin.open(&path("1"), &revision).await.unwrap();
    let silent = sessions(&sshd);
    signal("-STOP", &silent);
    let limit = Duration::from_secs(2);
    assert!(timeout(limit, file.read_at(0, 9)).await.is_err());
    let limit = Duration::from_secs(20);
    let read = timeout(limit, file.read_at(0, 9)).await.unwrap();
    assert_eq!(&*read.unwrap(), b"abc");
    timeout(limit, origin.check()).await.unwrap().unwrap();
    signal("-KILL", &silent);
}

/// Nobody may have given up yet: calls that come after do not wait in the same line.
#[tokio::test]
async fn a_silent_session_is_passed_over() {
    let sshd = Sshd::new();
    let origin = sshd.origin();
    origin.check().await.unwrap();
    let silent = sessions(&sshd);
    signal("-STOP", &silent);
    let waiting = {
        let origin = Arc::clone(&origin);
        tokio::spawn(async move { origin.check().await })
    };
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1100) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let limit = Duration::from_secs(20);
    timeout(limit, origin.check()).await.unwrap().unwrap();
    signal("-CONT", &silent);
    timeout(limit, waiting).await.unwrap().unwrap().unwrap();
}

/// A server that takes connections and says nothing.
#[tokio::test]
async fn a_server_that_never_speaks_ends_with_the_callers_limit() {
    let sshd = Sshd::new();
    let origin = sshd.origin();
    let listening = children(&sshd.server.id().to_string());
    signal("-STOP", &listening);
    for _ in 0..2 {
        let limit = Duration::from_millis(500);
        assert!(timeout(limit, origin.check()).await.is_err());
    }
    signal("-CONT", &listening);
    let limit = Duration::from_secs(20);
    timeout(limit, origin.check()).await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_there_is_offline() {
    let mut sshd = Sshd::new();
    let mut settings = sshd.settings();
    settings.host = "no.such.host.invalid".to_owned();
    let error = origin(settings).check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    let refused = sshd.origin();
    sshd.server.stop();
    let error = refused.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    assert!(error.message.contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_session_that_is_not_used_is_closed() {
    let sshd = Sshd::new();
    sshd.put("1", b"abc");
    let idle = Duration::from_millis(300);
    let origin = SftpOrigin::closing_after("nas".parse().unwrap(), sshd.settings(), idle).unwrap();
    let revision = origin.stat(&path("1")).await.unwrap();
    let file = origin.open(&path("1"), &revision).await.unwrap();
    let gone = async {
        while !sessions(&sshd).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.unwrap();
    assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"abc");
}

/// What a login script prints comes before the protocol.
#[tokio::test]
async fn a_server_that_begins_with_other_words_is_told() {
    let sshd = Sshd::with(&["ForceCommand", "echo Welcome to this server"]);
    let error = sshd.origin().check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
    assert!(error.message.contains("login script"), "{error}");
}
