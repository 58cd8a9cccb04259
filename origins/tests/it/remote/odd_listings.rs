//! Listings by servers that are wrong: whole, or an error, and never shorter than they are (ORG-6).

use futures::StreamExt;
use origins::test_support::odd::{Odd, Step, answer, bare};
use origins::{Depth, ErrorKind, Origin, RemoteOrigin};

use super::LIMIT;
use super::odd_answers::{s3, webdav};
use crate::support::path;

/// What a walk gives that is answered with these pages.
async fn walk(origin: &RemoteOrigin) -> Result<usize, (String, ErrorKind)> {
    let mut walk = origin.walk(&path(""), Depth::All);
    let mut files = 0;
    while let Some(item) = tokio::time::timeout(LIMIT, walk.next()).await.unwrap() {
        let directory = item.map_err(|error| (error.path.to_string(), error.error.kind))?;
        files += directory.files.len();
    }
    Ok(files)
}

fn page(keys: &[&str], next: Option<&str>) -> Vec<u8> {
    let objects: String = keys
        .iter()
        .map(|key| {
            format!(
                "<Contents><Key>{key}</Key><Size>1</Size>\
                 <LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"
            )
        })
        .collect();
    let next_page =
        next.map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>"));
    format!(
        "<ListBucketResult><IsTruncated>{}</IsTruncated>{}{objects}</ListBucketResult>",
        next.is_some(),
        next_page.unwrap_or_default()
    )
    .into_bytes()
}

#[tokio::test]
async fn a_listing_of_a_bucket_is_whole_or_an_error() {
    let second = |second: Vec<Step>| async move {
        let odd = Odd::start(
            move |request| match request.contains("continuation-token=t%3D1") {
                true => second.clone(),
                false => answer("200 OK", &[], &page(&["a/1", "a/2", "b/1"], Some("t=1"))),
            },
        )
        .await;
        walk(&s3(&odd)).await
    };
    let whole = second(answer("200 OK", &[], &page(&["b/2", "c"], None))).await;
    assert_eq!(whole, Ok(5));
    let root = |kind| Err((String::new(), kind));
    let page_with = |keys: &[&str]| answer("200 OK", &[], &page(keys, None));
    assert_eq!(
        second(page_with(&["a/3"])).await,
        root(ErrorKind::Io),
        "unsorted"
    );
    let again = answer("200 OK", &[], &page(&["b/2"], Some("t=1")));
    assert_eq!(second(again).await, root(ErrorKind::Io), "goes round");
    let log_in = answer("200 OK", &[], b"<html></html>");
    assert_eq!(
        second(log_in).await,
        root(ErrorKind::Io),
        "a page to log in"
    );
    let denied = answer("403 Forbidden", &[], b"");
    assert_eq!(second(denied).await, root(ErrorKind::Denied));
    let gone = answer("404 Not Found", &[], b"");
    assert_eq!(second(gone).await, root(ErrorKind::Offline));
    let mut cut = bare(
        "200 OK",
        &[("Content-Length", "5000")],
        b"<ListBucketResult>",
    );
    cut.push(Step::Close);
    assert_eq!(second(cut).await, root(ErrorKind::Offline));
}

fn told(href: &str, rest: &str) -> String {
    format!(
        "<response><href>{href}</href><propstat><prop>{rest}</prop>\
         <status>HTTP/1.1 200 OK</status></propstat></response>"
    )
}

fn multistatus(responses: &str) -> Vec<Step> {
    let body = format!("<multistatus xmlns=\"DAV:\">{responses}</multistatus>");
    answer("207 Multi-Status", &[], body.as_bytes())
}

#[tokio::test]
async fn a_listing_of_a_folder_is_whole_or_an_error() {
    let folder = "<resourcetype><collection/></resourcetype>";
    let file = "<resourcetype/><getcontentlength>1</getcontentlength>";
    let listed = |answer: Vec<Step>| async move {
        let odd = Odd::start(move |_| answer.clone()).await;
        walk(&webdav(&odd)).await
    };
    let root = told("/dav/", folder);
    let whole = [
        root.clone(),
        told("/dav/a", file),
        told("http://elsewhere/dav/b%20%ff", file),
        told("/dav/100%", file),
        told("/dav/%2e%2e", file),
        told("/dav/a%2Fb", file),
        told("/dav/a%00", file),
        told("/dav/no%20size", "<resourcetype/>"),
    ];
    assert_eq!(listed(multistatus(&whole.concat())).await, Ok(3));

    let failed = |kind| Err((String::new(), kind));
    assert_eq!(
        listed(multistatus("")).await,
        failed(ErrorKind::Io),
        "nothing at all"
    );
    let another = [root.clone(), told("/other/a", file)].concat();
    assert_eq!(
        listed(multistatus(&another)).await,
        failed(ErrorKind::Io),
        "elsewhere"
    );
    let denied = "<response><href>/dav/a</href><status>HTTP/1.1 403 Forbidden</status></response>";
    let denied = [root.as_str(), denied].concat();
    assert_eq!(
        listed(multistatus(&denied)).await,
        failed(ErrorKind::Denied)
    );
    let html = answer("200 OK", &[], b"<html></html>");
    assert_eq!(listed(html).await, failed(ErrorKind::Io), "a page");
    let cut = answer("207 Multi-Status", &[], b"<multistatus xmlns=\"DAV:\">");
    assert_eq!(listed(cut).await, failed(ErrorKind::Io), "breaks off");
    for status in ["404 Not Found", "410 Gone"] {
        let gone = listed(answer(status, &[], b"")).await;
        assert_eq!(
            gone,
            failed(ErrorKind::Offline),
            "{status}: the root is away"
        );
    }
    let a_file = multistatus(&told("/dav/", file));
    assert_eq!(
        listed(a_file).await,
        failed(ErrorKind::Offline),
        "the root is a file"
    );
}
