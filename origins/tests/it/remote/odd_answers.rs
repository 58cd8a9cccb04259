//! Servers that are wrong: each way ends in the right kind of error or the right bytes, and none in
//! wrong bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use origins::test_support::odd::{Odd, Step, answer, bare};
use origins::{
    ErrorKind, Origin, OriginError, RemoteOrigin, S3Settings, WebdavLogin, WebdavSettings,
};

use super::within;
use crate::support::path;

const FILE: &[u8] = b"0123456789";
const TAG: (&str, &str) = ("ETag", "\"one\"");
const TIME: (&str, &str) = ("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT");

/// What `HEAD` tells of the file.
fn head() -> Vec<Step> {
    bare("200 OK", &[TAG, TIME, ("Content-Length", "10")], b"")
}

/// A bucket whose file `f` opens, and reads as `read` answers.
async fn bucket(read: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> (Odd, RemoteOrigin) {
    let odd = Odd::start(move |request| match request.starts_with("HEAD") {
        true => head(),
        false => read(request),
    })
    .await;
    let origin = s3(&odd);
    (odd, origin)
}

pub(super) fn s3(odd: &Odd) -> RemoteOrigin {
    let settings = S3Settings {
        bucket: "b".to_owned(),
        prefix: path(""),
        endpoint: Some(format!("http://{}", odd.address())),
        region: None,
        key: None,
        session_token: None,
        connections: 2,
    };
    RemoteOrigin::s3("s3".parse().unwrap(), &settings).unwrap()
}

pub(super) fn webdav(odd: &Odd) -> RemoteOrigin {
    let settings = WebdavSettings {
        url: format!("http://{}/dav", odd.address()),
        login: Some(WebdavLogin::Token(origins::Secret::new(
            "hunter2".to_owned(),
        ))),
        connections: 2,
    };
    RemoteOrigin::webdav("dav".parse().unwrap(), &settings).unwrap()
}

/// Four bytes from the third on.
async fn read(origin: &RemoteOrigin) -> Result<Vec<u8>, OriginError> {
    let revision = within(origin.stat(&path("f"))).await?;
    let file = within(origin.open(&path("f"), &revision)).await?;
    Ok(within(file.read_at(3, 4)).await?.to_vec())
}

async fn kind_of_read(
    read_answer: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static,
) -> ErrorKind {
    let (_odd, origin) = bucket(read_answer).await;
    read(&origin).await.unwrap_err().kind
}

fn part(headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    answer("206 Partial Content", headers, body)
}

const RANGE: (&str, &str) = ("Content-Range", "bytes 3-6/10");

#[tokio::test]
async fn a_read_asks_for_what_it_needs_and_no_more() {
    let (_odd, origin) = bucket(|request| {
        let lower = request.to_lowercase();
        assert!(lower.contains("range: bytes=3-6\r\n"), "{request}");
        assert!(lower.contains("if-match: \"one\"\r\n"), "{request}");
        assert!(lower.contains("accept-encoding: identity\r\n"), "{request}");
        part(&[TAG, TIME, RANGE], &FILE[3..7])
    })
    .await;
    assert_eq!(read(&origin).await.unwrap(), &FILE[3..7]);
}

#[tokio::test]
async fn a_part_that_is_another_is_none() {
    let wrong: [(&str, &[u8]); 7] = [
        ("bytes 2-5/10", &FILE[2..6]),
        ("bytes 3-5/10", &FILE[3..6]),
        ("bytes 3-7/10", &FILE[3..8]),
        ("bytes 6-3/10", &FILE[3..7]),
        ("bytes */10", &FILE[3..7]),
        ("3-6/10", &FILE[3..7]),
        ("bytes 3-6/10", &FILE[3..9]),
    ];
    for (range, body) in wrong {
        let kind = kind_of_read(move |_| part(&[TAG, ("Content-Range", range)], body)).await;
        assert_eq!(kind, ErrorKind::Io, "{range}");
    }
    let kind = kind_of_read(|_| part(&[TAG], &FILE[3..7])).await;
    assert_eq!(kind, ErrorKind::Io, "no Content-Range");
    let encoded = ("Content-Encoding", "gzip");
    let kind = kind_of_read(move |_| part(&[TAG, RANGE, encoded], &FILE[3..7])).await;
    assert_eq!(kind, ErrorKind::Io, "encoded");
}

#[tokio::test]
async fn the_whole_file_is_no_part_of_it() {
    let (_odd, origin) = bucket(|_| answer("200 OK", &[TAG, TIME], FILE)).await;
    assert_eq!(read(&origin).await.unwrap_err().kind, ErrorKind::Io);
    let revision = origin.stat(&path("f")).await.unwrap();
    let file = origin.open(&path("f"), &revision).await.unwrap();
    // Where all of it was wanted, it is right.
    assert_eq!(&*within(file.read_at(0, 100)).await.unwrap(), FILE);
}

#[tokio::test]
async fn bodies_of_another_length_are_no_bytes() {
    // Fewer than it says: it closes in the middle.
    let short = |_: &str| {
        let mut steps = bare(
            "206 Partial Content",
            &[TAG, RANGE, ("Content-Length", "4")],
            b"34",
        );
        steps.push(Step::Close);
        steps
    };
    assert_eq!(kind_of_read(short).await, ErrorKind::Offline);
    // Fewer than asked for, without saying how many.
    let cut = |_: &str| {
        let mut steps = bare("206 Partial Content", &[TAG, RANGE], b"34");
        steps.push(Step::Close);
        steps
    };
    assert_eq!(kind_of_read(cut).await, ErrorKind::Io);
    // More than asked for, without end.
    let long = |_: &str| {
        let chunked = ("Transfer-Encoding", "chunked");
        let mut steps = bare("206 Partial Content", &[TAG, RANGE, chunked], b"");
        steps.extend((0..1000).map(|_| Step::Send(b"4\r\nxxxx\r\n".to_vec())));
        steps
    };
    assert_eq!(kind_of_read(long).await, ErrorKind::Io);
    // More than it says: what is too much is no part of the answer.
    let (_odd, origin) = bucket(|_| {
        let length = ("Content-Length", "4");
        bare("206 Partial Content", &[TAG, RANGE, length], &FILE[3..])
    })
    .await;
    assert_eq!(read(&origin).await.unwrap(), &FILE[3..7]);
}

#[tokio::test]
async fn another_revision_is_never_read() {
    let other = ("ETag", "\"two\"");
    let later = ("Last-Modified", "Fri, 02 Jan 2026 03:04:06 GMT");
    let kind = kind_of_read(move |_| part(&[other, TIME, RANGE], &FILE[3..7])).await;
    assert_eq!(kind, ErrorKind::Changed, "another tag");
    let kind = kind_of_read(move |_| part(&[later, RANGE], &FILE[3..7])).await;
    assert_eq!(kind, ErrorKind::Changed, "no tag, another time");
    let kind =
        kind_of_read(move |_| part(&[("ETag", "W/\"one\""), later, RANGE], &FILE[3..7])).await;
    assert_eq!(kind, ErrorKind::Changed, "a weak tag, another time");
    let size = ("Content-Range", "bytes 3-6/11");
    let kind = kind_of_read(move |_| part(&[TIME, size], &FILE[3..7])).await;
    assert_eq!(kind, ErrorKind::Changed, "another size");
    for status in ["412 Precondition Failed", "416 Range Not Satisfiable"] {
        let kind = kind_of_read(move |_| answer(status, &[], b"")).await;
        assert_eq!(kind, ErrorKind::Changed, "{status}");
    }
}

/// Where an answer says nothing of the revision, the file is looked at again afterwards.
#[tokio::test]
async fn what_is_not_proved_is_looked_at() {
    let heads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heads);
    let odd = Odd::start(move |request| {
        if !request.starts_with("HEAD") {
            return part(&[RANGE], &FILE[3..7]);
        }
        match counted.fetch_add(1, Ordering::Relaxed) {
            0..2 => head(),
            _ => bare(
                "200 OK",
                &[("ETag", "\"two\""), TIME, ("Content-Length", "10")],
                b"",
            ),
        }
    })
    .await;
    let origin = s3(&odd);
    let revision = origin.stat(&path("f")).await.unwrap();
    let file = origin.open(&path("f"), &revision).await.unwrap();
    assert_eq!(&*within(file.read_at(3, 4)).await.unwrap(), &FILE[3..7]);
    assert_eq!(heads.load(Ordering::Relaxed), 2);
    let file = origin.open(&path("f"), &revision).await.unwrap();
    let error = within(file.read_at(3, 4)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Changed);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let throttled = |retry_after| ErrorKind::Throttled { retry_after };
    let seconds = |n| throttled(Some(Duration::from_secs(n)));
    let cases = [
        ("401 Unauthorized", "", ErrorKind::Denied),
        ("403 Forbidden", "", ErrorKind::Denied),
        ("500 Internal Server Error", "", ErrorKind::Io),
        ("502 Bad Gateway", "", ErrorKind::Offline),
        ("302 Found", "", ErrorKind::Io),
        ("204 No Content", "", ErrorKind::Io),
        ("429 Too Many Requests", "7", seconds(7)),
        ("503 Service Unavailable", "120", seconds(120)),
        ("503 Service Unavailable", "", throttled(None)),
        ("503 Service Unavailable", "soon", throttled(None)),
        (
            "503 Service Unavailable",
            "Fri, 02 Jan 2015 03:04:05 GMT",
            seconds(0),
        ),
    ];
    for (status, after, kind) in cases {
        let got = kind_of_read(move |_| answer(status, &[("Retry-After", after), TIME], b"")).await;
        assert_eq!(got, kind, "{status} {after}");
    }
    let then = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    let got =
        kind_of_read(move |_| answer("503 Service Unavailable", &[("Retry-After", &then)], b""))
            .await;
    let ErrorKind::Throttled {
        retry_after: Some(after),
    } = got
    else {
        panic!("{got:?}");
    };
    assert!(after > Duration::from_secs(3500) && after <= Duration::from_secs(3600));
}

#[tokio::test]
async fn what_a_service_says_counts_more_than_the_status() {
    let says = |code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>why not</Message></Error>");
        move |_: &str| answer("400 Bad Request", &[], body.as_bytes())
    };
    assert_eq!(kind_of_read(says("ExpiredToken")).await, ErrorKind::Denied);
    assert_eq!(
        kind_of_read(says("SlowDown")).await,
        ErrorKind::Throttled { retry_after: None }
    );
    assert_eq!(kind_of_read(says("NoSuchBucket")).await, ErrorKind::Offline);
    let (_odd, origin) = bucket(says("Something")).await;
    let error = read(&origin).await.unwrap_err();
    assert!(error.message.contains("Something: why not"), "{error}");
}

/// A file that is gone is told from a bucket that is.
#[tokio::test]
async fn gone_is_told_from_away() {
    let gone = |listing: &'static str, status: &'static str| async move {
        let odd = Odd::start(move |request| match request.starts_with("HEAD") {
            true => bare("404 Not Found", &[], b""),
            false => answer(status, &[], listing.as_bytes()),
        })
        .await;
        within(s3(&odd).stat(&path("f"))).await.unwrap_err().kind
    };
    let empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    assert_eq!(gone(empty, "200 OK").await, ErrorKind::NotFound);
    let error = "<Error><Code>NoSuchBucket</Code></Error>";
    assert_eq!(gone(error, "404 Not Found").await, ErrorKind::Offline);
    assert_eq!(gone("", "404 Not Found").await, ErrorKind::Offline);
    assert_eq!(gone("", "403 Forbidden").await, ErrorKind::Denied);
    assert_eq!(gone("<html></html>", "200 OK").await, ErrorKind::Io);
}

#[tokio::test]
async fn no_http_is_no_hang_and_no_panic() {
    let garbage = |_: &str| {
        vec![
            Step::Send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
            Step::Close,
        ]
    };
    assert_eq!(kind_of_read(garbage).await, ErrorKind::Io);
    assert_eq!(
        kind_of_read(|_| vec![Step::Close]).await,
        ErrorKind::Offline
    );
    assert_eq!(
        kind_of_read(|_| vec![Step::Reset]).await,
        ErrorKind::Offline
    );
    // The one who asks sets the limit, and whoever gives up is not kept.
    let stalled = |_: &str| {
        let mut steps = bare(
            "206 Partial Content",
            &[TAG, RANGE, ("Content-Length", "4")],
            b"3",
        );
        steps.push(Step::Stall);
        steps
    };
    let (_odd, origin) = bucket(stalled).await;
    let revision = origin.stat(&path("f")).await.unwrap();
    let file = origin.open(&path("f"), &revision).await.unwrap();
    for _ in 0..4 {
        let read = tokio::time::timeout(Duration::from_millis(100), file.read_at(3, 4)).await;
        assert!(read.is_err(), "nothing came");
    }
    // Its turn was given back each time.
    within(origin.stat(&path("f"))).await.unwrap();
}

#[tokio::test]
async fn no_secret_is_told() {
    let odd = Odd::start(|request| {
        assert!(
            request
                .to_lowercase()
                .contains("authorization: bearer hunter2")
        );
        answer("500 Internal Server Error", &[], b"hunter2")
    })
    .await;
    let error = within(webdav(&odd).check()).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
