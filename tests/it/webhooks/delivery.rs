//! Every event, at least once, in order, whatever the receiver does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::receiver::{Receiver, Reply};
use super::{add, configure, listed, start, told, until, until_done};
use crate::world::World;

#[test]
fn an_event_is_told_and_signed() {
    let receiver = Receiver::new();
    let mut world = World::new();
    add(&world, 1);
    let text = format!(
        "[[webhooks]]\nname = 'script'\nurl = '{}'\nsecret = 'hunter2'\n",
        receiver.url("/hook?a=b")
    );
    start(&mut world, &text);
    until_done(&world, "script");
    let events = world.events();
    let hits = receiver.hits();
    assert_eq!(told(&hits), (1..=events.len() as u64).collect::<Vec<_>>());
    for (hit, event) in hits.iter().zip(&events) {
        assert_eq!(
            (hit.method.as_str(), hit.target.as_str()),
            ("POST", "/hook?a=b")
        );
        assert_eq!(hit.header("content-type"), "application/json");
        let agent = format!("MusicFS/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(hit.header("user-agent"), agent);
        let body = hit.json();
        for (theirs, ours) in [
            ("id", "id"),
            ("position", "position"),
            ("event_type", "kind"),
            ("timestamp", "recorded_at"),
            ("subject", "subject"),
            ("cause", "cause"),
            ("data", "data"),
        ] {
            assert_eq!(body[theirs], event[ours], "{theirs}");
        }
        assert_eq!(hit.header("x-musicfs-event-id"), body["id"]);
        let timestamp = hit.header("x-musicfs-timestamp");
        let sent: u64 = timestamp.parse().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        assert!(now.unwrap().as_secs().abs_diff(sent) < 120, "{sent}");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"hunter2").unwrap();
        mac.update(&[timestamp.as_bytes(), b".", &hit.body].concat());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        assert_eq!(hit.header("x-musicfs-signature"), signature);
    }
    let discovered = hits.iter().map(super::Hit::json);
    let discovered = discovered.filter(|body| body["event_type"] == "track.discovered");
    let discovered: Vec<_> = discovered.collect();
    assert_eq!(discovered.len(), 1);
    assert_eq!(discovered[0]["origin"], "music");
    assert_eq!(discovered[0]["path"], "1.flac");
    assert_eq!(discovered[0]["track"], 1);
}

#[test]
fn every_event_arrives_in_order_whatever_happens() {
    let mut world = World::new();
    add(&world, 1);
    // An address of its own, so that no other test takes the port while nobody is there.
    let nobody = Receiver::at("127.77.1.1:0".parse().unwrap(), |_| Reply::Close);
    let address = nobody.address;
    drop(nobody);
    let text = format!(
        "[[webhooks]]\nname = 'all'\nurl = 'http://{address}/'\nfrom = 'start'\n\
         retries = 100\nmax_wait = 1\ntimeout = 1\n"
    );
    let [flag, path] = configure(&world, &text);
    let arguments = [flag.as_str(), path.as_str()];
    // Nobody is there.
    world.start_with(&arguments);
    world.until("it was tried", |world| listed(world, "all")["failed"] != 0);
    world.kill();
    // One that fails in every way, and takes every fifth.
    let count = AtomicUsize::new(0);
    let receiver = Receiver::at(address, move |_| {
        match count.fetch_add(1, Ordering::SeqCst) % 5 {
            0 => Reply::Status(500),
            1 => Reply::Close,
            2 => Reply::Status(429),
            3 => Reply::Hang,
            _ => Reply::Status(200),
        }
    });
    add(&world, 2);
    world.start_with(&arguments);
    until(&world, &receiver, "some were taken", |hits| {
        told(hits).len() > 2
    });
    world.kill();
    let mut hits = receiver.hits();
    drop(receiver);
    // A healthy one; the daemon is killed while it is busy with it.
    let receiver = Receiver::at(address, |_| Reply::Status(200));
    (3..40).for_each(|number| add(&world, number));
    world.start_with(&arguments);
    until(&world, &receiver, "some came", |hits| told(hits).len() > 3);
    world.kill();
    world.start_with(&arguments);
    until_done(&world, "all");
    hits.extend(receiver.hits());

    let all: Vec<u64> = (1..=world.position()).collect();
    assert_eq!(told(&hits), all);
    for event in world.events() {
        let position = event["position"].as_u64().unwrap();
        let mut same = hits.iter().filter(|hit| hit.json()["position"] == position);
        assert!(
            same.all(|hit| hit.header("x-musicfs-event-id") == event["id"]),
            "a repetition has the same id"
        );
    }
    let status = world.status();
    assert_eq!(
        status["consumers"],
        serde_json::json!([{ "name": "webhook:all", "position": all.len(), "lag": 0 }])
    );
    world.stop();
    world.assert_sound();
}

#[test]
fn a_slow_endpoint_delays_nobody_and_no_shutdown() {
    let slow = Receiver::answering(|_| Reply::Hang);
    let fast = Receiver::new();
    let mut world = World::new();
    let text = format!(
        "[[webhooks]]\nname = 'slow'\nurl = '{}'\ntimeout = 300\n\
         [[webhooks]]\nname = 'fast'\nurl = '{}'\n",
        slow.url("/"),
        fast.url("/")
    );
    (1..20).for_each(|number| add(&world, number));
    start(&mut world, &text);
    until_done(&world, "fast");
    assert_eq!(told(&fast.hits()).len() as u64, world.position());
    assert_eq!(slow.hits().len(), 1);
    let listed = listed(&world, "slow");
    assert_eq!(listed["state"], "delivering");
    assert_eq!(listed["lag"], world.position());
    let began = Instant::now();
    world.stop();
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_receiver_may_say_when_to_come_back() {
    let count = AtomicUsize::new(0);
    let receiver = Receiver::answering(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::With(429, "Retry-After", "3".to_owned()),
        1 => Reply::With(503, "Retry-After", "0".to_owned()),
        _ => Reply::Status(200),
    });
    let mut world = World::new();
    let text = format!(
        "[[webhooks]]\nname = 'busy'\nurl = '{}'\nmax_wait = 1\n",
        receiver.url("/")
    );
    start(&mut world, &text);
    until(&world, &receiver, "it was taken", |hits| hits.len() > 2);
    let hits = receiver.hits();
    let pause = hits[1].at - hits[0].at;
    assert!(pause >= Duration::from_secs(3), "{pause:?}");
    assert_eq!(hits[0].body, hits[2].body);
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = Receiver::new();
    let target = elsewhere.url("/");
    let receiver = Receiver::answering(move |_| Reply::With(307, "Location", target.clone()));
    let mut world = World::new();
    let text = format!(
        "[[webhooks]]\nname = 'moved'\nurl = '{}'\nretries = 0\n",
        receiver.url("/")
    );
    start(&mut world, &text);
    until_done(&world, "moved");
    assert!(elsewhere.hits().is_empty());
    let list = world.json(["webhook", "list", "--json"]);
    assert_eq!(
        list["dead_letters"][0]["problem"],
        "it answered 307 Temporary Redirect"
    );
}

#[test]
fn a_reload_brings_changes_and_ends_webhooks() {
    let (first, second) = (Receiver::new(), Receiver::new());
    let mut world = World::new();
    add(&world, 1);
    let entry = |name: &str, url: String| format!("[[webhooks]]\nname = '{name}'\nurl = '{url}'\n");
    start(&mut world, &entry("first", first.url("")));
    until_done(&world, "first");
    let before = first.hits().len();
    configure(&world, &entry("second", second.url("/new")));
    let outcome = world.json(["reload", "--json"]);
    assert_eq!(outcome["applied"], serde_json::json!(["webhooks"]));
    add(&world, 2);
    until(&world, &second, "the second is told", |hits| {
        let kinds = hits.iter().map(|hit| hit.json()["event_type"].clone());
        kinds.into_iter().any(|kind| kind == "track.discovered")
    });
    assert_eq!(first.hits().len(), before);
    // A secret that is not there changes nothing.
    let broken = entry("second", second.url("/other")) + "secret_file = '/nonexistent'\n";
    configure(&world, &broken);
    let refused = world.run(["reload", "--json"]);
    assert!(!refused.status.success());
    until_done(&world, "second");
    second.clear();
    add(&world, 3);
    until(&world, &second, "the second is told still", |hits| {
        !hits.is_empty()
    });
    assert!(second.hits().iter().all(|hit| hit.target == "/new"));
}
