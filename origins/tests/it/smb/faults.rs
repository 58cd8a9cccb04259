//! Servers that die, come back, or fall silent.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use origins::{Depth, ErrorKind};
use tokio::time::timeout;

use super::support::{Samba, origin};
use crate::servers::{children, signal};
use crate::support::path;

/// The processes that serve connections: those below smbd that are no service of its own.
fn sessions(samba: &Samba) -> Vec<String> {
    let smbd = children(&samba.server.id().to_string());
    let log = std::fs::read_to_string(samba.folder.outer().join("smb/log")).unwrap_or_default();
    let below: Vec<String> = smbd.iter().flat_map(|id| children(id)).collect();
    assert!(!below.is_empty(), "{log}");
    below
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_in_the_middle_of_a_read_is_offline_until_it_is_back() {
    let mut samba = Samba::new();
    let content = vec![7; 64 << 20];
    samba.put("long", &content);
    let origin = samba.origin();
    let revision = origin.stat(&path("long")).await.unwrap();
    let file = origin.open(&path("long"), &revision).await.unwrap();
    let reading = {
        let file = Arc::clone(&file);
        tokio::spawn(async move { file.read_at(0, 64 << 20).await })
    };
    let dying = tokio::task::spawn_blocking(move || {
        samba.server.stop();
        samba
    });
    let mut samba = dying.await.unwrap();
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

    samba.restart();
    assert_eq!(&*file.read_at(5, 3).await.unwrap(), &[7, 7, 7]);
    origin.check().await.unwrap();
}

#[tokio::test]
async fn a_session_that_broke_is_replaced_at_once() {
    let samba = Samba::new();
    samba.put("1", b"abc");
    let origin = samba.origin();
    let revision = origin.stat(&path("1")).await.unwrap();
    let file = origin.open(&path("1"), &revision).await.unwrap();
    for _ in 0..5 {
        signal("-KILL", &sessions(&samba));
        assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"abc");
        signal("-KILL", &sessions(&samba));
        assert_eq!(origin.stat(&path("1")).await.unwrap(), revision);
        signal("-KILL", &sessions(&samba));
        let walk: Vec<_> = origin.walk(&path(""), Depth::All).collect().await;
        assert_eq!(walk[0].as_ref().unwrap().files.len(), 1);
    }
}

/// The caller's own limit ends the call, and the next one goes another way, though only one session
/// may be open.
#[tokio::test]
async fn a_session_that_fell_silent_is_replaced_once_a_caller_gave_it_up() {
    let samba = Samba::new();
    samba.put("1", b"abc");
    let mut settings = samba.settings();
    settings.connections = 1;
    let origin = origin(settings);
    let revision = origin.stat(&path("1")).await.unwrap();
    let file = origin.open(&path("1"), &revision).await.unwrap();
    let silent = sessions(&samba);
    signal("-STOP", &silent);
    let limit = Duration::from_secs(3);
    assert!(timeout(limit, file.read_at(0, 9)).await.is_err());
    let limit = Duration::from_secs(20);
    let read = timeout(limit, file.read_at(0, 9)).await.unwrap();
    assert_eq!(&*read.unwrap(), b"abc");
    timeout(limit, origin.check()).await.unwrap().unwrap();
    signal("-KILL", &silent);
}

#[tokio::test]
async fn nobody_there_is_offline() {
    let mut samba = Samba::new();
    let mut settings = samba.settings();
    settings.host = "no.such.host.invalid".to_owned();
    let error = origin(settings).check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    let refused = samba.origin();
    samba.server.stop();
    let error = refused.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Offline, "{error}");
    assert!(error.message.contains("127.0.0.1"), "{error}");
}
