//! Servers that no honest one is like.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

use super::*;

fn link() -> (Link, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    (Link::start(ours, (), Duration::from_secs(60)), theirs)
}

/// The next request: its type and number.
async fn asked(server: &mut DuplexStream) -> (u8, u32) {
    let packet = read_packet(server, || ()).await.unwrap();
    let id = packet[1..5].try_into().unwrap();
    (packet[0], u32::from_be_bytes(id))
}

async fn answer(server: &mut DuplexStream, kind: u8, id: u32, rest: &[u8]) {
    let len = u32::try_from(rest.len() + 5).unwrap();
    let packet = [&len.to_be_bytes(), &[kind][..], &id.to_be_bytes(), rest].concat();
    server.write_all(&packet).await.unwrap();
}

const HANDLE: &[u8] = b"\0\0\0\x01h";

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let (link, mut server) = link();
    let first = link.ask(Request::Stat(b"a"));
    let second = link.ask(Request::Stat(b"b"));
    let (_, a) = asked(&mut server).await;
    let (_, b) = asked(&mut server).await;
    answer(&mut server, 105, b, b"\0\0\0\x01\0\0\0\0\0\0\0\x02").await;
    answer(&mut server, 105, a, b"\0\0\0\x01\0\0\0\0\0\0\0\x01").await;
    let sizes = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(sizes.0.attributes().unwrap().size, Some(1));
    assert_eq!(sizes.1.attributes().unwrap().size, Some(2));
}

#[tokio::test]
async fn what_makes_no_sense_ends_the_session() {
    let lies: [&[u8]; 5] = [
        // Longer than any packet is; shorter than it says; of no type; to nobody; nothing.
        b"\xff\xff\xff\xff",
        b"\0\0\0\x09\x67\0\0\0\0\xff\xff\xff\xff",
        b"\0\0\0\x05\x01\0\0\0\0",
        b"\0\0\0\x09\x65\0\0\0\x63\0\0\0\0",
        b"\0\0\0\0",
    ];
    for lie in lies {
        let (link, mut server) = link();
        let waiting = link.ask(Request::Stat(b"a"));
        server.write_all(lie).await.unwrap();
        assert!(matches!(waiting.await, Err(Failure::Lost(_))), "{lie:?}");
        assert!(!link.lasts());
        let later = link.ask(Request::Stat(b"a")).await;
        assert!(matches!(later, Err(Failure::Lost(_))), "{lie:?}");
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_is_an_error() {
    let (link, mut server) = link();
    let read = Request::Read {
        handle: b"h",
        offset: 0,
        len: 2,
    };
    for (kind, rest) in [
        (103, &b"\0\0\0\x03abc"[..]),
        (104, b"\0\0\0\0"),
        (102, HANDLE),
    ] {
        let waiting = link.ask(read);
        let (_, id) = asked(&mut server).await;
        answer(&mut server, kind, id, rest).await;
        let read = waiting.await.unwrap().data(2);
        assert!(matches!(read, Err(Failure::Nonsense(_))), "{read:?}");
        if kind == 102 {
            assert_eq!(asked(&mut server).await.0, 4, "what was opened is closed");
        }
    }
    assert!(link.lasts());
}

/// Whether the answer was on its way or had come when it was given up.
#[tokio::test]
async fn what_nobody_waits_for_is_closed() {
    for early in [true, false] {
        let (link, mut server) = link();
        let opening = link.ask(Request::Open(b"a"));
        let (_, id) = asked(&mut server).await;
        if early {
            drop(opening);
            answer(&mut server, 102, id, HANDLE).await;
        } else {
            answer(&mut server, 102, id, HANDLE).await;
            while link.waiting() != 0 {
                tokio::task::yield_now().await;
            }
            drop(opening);
        }
        let (kind, id) = asked(&mut server).await;
        assert_eq!(kind, 4);
        answer(&mut server, 101, id, b"\0\0\0\0").await;
        let next = link.ask(Request::Stat(b"a"));
        let (_, id) = asked(&mut server).await;
        answer(&mut server, 105, id, b"\0\0\0\0").await;
        next.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_and_ends_with_the_first_byte() {
    let (link, mut server) = link();
    let waiting = link.ask(Request::Stat(b"a"));
    assert!(timeout(SILENCE * 2, waiting).await.is_err());
    assert!(link.is_silent());
    // A part of a packet is a sign of life, too.
    server.write_all(b"\0\0\0\x09\x65").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(link.lasts() && !link.is_silent());
    drop(timeout(SILENCE * 2, link.ask(Request::Stat(b"a"))).await);
    assert!(!link.lasts(), "given up");
    let mut rest = Vec::new();
    timeout(SILENCE, server.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_it_was_not_used() {
    let (link, mut server) = link();
    let waiting = link.ask(Request::Stat(b"a"));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!((link.lasts(), link.waiting()), (true, 1), "it is in use");
    let (_, id) = asked(&mut server).await;
    answer(&mut server, 105, id, b"\0\0\0\0").await;
    waiting.await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    drop(link.ask(Request::Stat(b"a")));
    let (_, id) = asked(&mut server).await;
    answer(&mut server, 105, id, b"\0\0\0\0").await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(link.lasts());
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!link.lasts());
    assert_eq!(
        server.read(&mut [0]).await.unwrap(),
        0,
        "the stream is closed"
    );
}

#[tokio::test]
async fn numbers_that_are_in_use_are_passed_over() {
    let (link, mut server) = link();
    link.shared.lock().next_id = u32::MAX;
    let waiting = [link.ask(Request::Stat(b"a")), link.ask(Request::Stat(b"b"))];
    assert_eq!(asked(&mut server).await.1, u32::MAX);
    assert_eq!(asked(&mut server).await.1, 0);
    link.shared.lock().next_id = u32::MAX;
    let third = link.ask(Request::Stat(b"c"));
    assert_eq!(asked(&mut server).await.1, 1);
    drop((waiting, third));
    let packet = Bytes::from_static(b"\x65\0\0\0\x07\0\0\0\0");
    assert!(link.shared.take(packet).is_err(), "nobody asked this");
}
