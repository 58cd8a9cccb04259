//! Many files, many readers, large folders, little at the server.

use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use origins::{Depth, ErrorKind};

use super::support::{Sshd, origin, put};
use crate::support::path;

fn numbered(number: usize) -> String {
    format!("{:02}/{number:04}.flac", number % 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_files_can_be_open() {
    let sshd = Sshd::new();
    let origin = sshd.origin();
    let mut open = Vec::new();
    for number in 0..1000 {
        let name = numbered(number);
        sshd.put(&name, name.as_bytes());
    }
    for number in 0..1000 {
        let name = path(&numbered(number));
        let revision = origin.stat(&name).await.unwrap();
        open.push(origin.open(&name, &revision).await.unwrap());
    }
    for (number, file) in open.iter().enumerate() {
        let read = file.read_at(0, 100).await.unwrap();
        assert_eq!(&*read, numbered(number).as_bytes());
    }
    assert!(most_open(&sshd.log()) <= 80, "{}", most_open(&sshd.log()));

    // One that was closed at the server meanwhile is read in its revision, or not at all.
    put(&sshd.folder.at(&numbered(0)), b"another one now");
    let error = open[0].read_at(0, 100).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Changed, "{error}");

    drop(open);
    let closed = async {
        while opened(&sshd.log()) != closed(&sshd.log()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, closed).await.unwrap();
}

fn opened(log: &str) -> usize {
    log.lines().filter(|line| line.contains(" open \"")).count()
}

fn closed(log: &str) -> usize {
    let closed = log.lines().filter(|line| line.contains(" close \""));
    closed.filter(|line| !line.contains("forced")).count()
}

/// Most files that were open at once, by the server's own log.
fn most_open(log: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for line in log.lines() {
        if line.contains(" open \"") {
            now += 1;
        } else if line.contains(" close \"") {
            now = now.saturating_sub(1);
        }
        most = most.max(now);
    }
    most
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_readers_share_a_few_sessions() {
    let sshd = Sshd::new();
    let content: Vec<u8> = (0..1_500_000_u32).map(|at| (at % 251) as u8).collect();
    let origin = sshd.origin();
    for number in 0..64 {
        sshd.put(format!("{number}"), &content[number..]);
    }
    let content = Arc::new(content);
    let readers = (0..64_usize).map(|number| {
        let (origin, content) = (Arc::clone(&origin), Arc::clone(&content));
        tokio::spawn(async move {
            let name = path(&number.to_string());
            let revision = origin.stat(&name).await.unwrap();
            let file = origin.open(&name, &revision).await.unwrap();
            let size = content.len() - number;
            for offset in (0..size).step_by(1 << 20) {
                let read = file.read_at(offset as u64, 1 << 20).await.unwrap();
                let end = (offset + (1 << 20)).min(size);
                assert!(*read == content[number + offset..number + end]);
            }
        })
    });
    for reader in join_all(readers).await {
        reader.unwrap();
    }
    let logins = sshd.log().matches("Accepted publickey").count();
    assert!((1..=4).contains(&logins), "{logins} sessions");
}

#[tokio::test]
async fn large_folders_are_listed_in_full() {
    let sshd = Sshd::new();
    sshd.folder.mkdir("many");
    for number in 0..5_000 {
        let name = format!("many/{number}-with-a-name-that-is-as-long-as-those-of-songs-are");
        std::fs::write(sshd.folder.at(&name), b"").unwrap();
    }
    let origin = sshd.origin();
    let walk = origin.walk(&path(""), Depth::All);
    let directories: Vec<_> = walk.try_collect().await.unwrap();
    let files: usize = directories.iter().map(|listed| listed.files.len()).sum();
    assert_eq!((directories.len(), files), (2, 5_000));
}

/// Whoever stops to listen leaves nothing open, and the session as good as it was.
#[tokio::test]
async fn what_is_dropped_is_given_up() {
    let sshd = Sshd::new();
    for number in 0..300 {
        sshd.put(numbered(number), b"abc");
    }
    let mut settings = sshd.settings();
    settings.connections = 1;
    let origin = origin(settings);
    origin.check().await.unwrap();
    for polls in 1..60 {
        let mut walk = origin.walk(&path(""), Depth::All);
        let some_of_it = async {
            for _ in 0..polls % 7 {
                walk.next().await.unwrap().unwrap();
            }
        };
        some_of_it.await;
        drop(walk);
        let name = path(&numbered(polls));
        let mut stat = Box::pin(origin.stat(&name));
        assert!(futures::poll!(&mut stat).is_pending());
        for _ in 0..polls % 5 {
            tokio::task::yield_now().await;
        }
        drop(stat);
        let revision = origin.stat(&name).await.unwrap();
        let mut opening = origin.open(&name, &revision);
        for _ in 0..polls % 11 {
            if futures::poll!(&mut opening).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(opening);
    }
    let file = origin
        .open(
            &path(&numbered(1)),
            &origin.stat(&path(&numbered(1))).await.unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(&*file.read_at(0, 9).await.unwrap(), b"abc");
    drop(file);
    let limit = std::time::Duration::from_secs(20);
    let closed = async {
        while opened(&sshd.log()) != closed(&sshd.log())
            || sshd.log().matches("opendir \"").count() != sshd.log().matches("closedir \"").count()
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(limit, closed).await;
    assert!(all.is_ok(), "{}", sshd.log());
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1);
}
