//! What could not be delivered: put aside, listed, sent again, thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::{add, listed, start, told, until_done};
use crate::world::World;

/// A receiver that refuses tracks until it is told not to, and a daemon that tells it of events.
fn refusing(status: u16) -> (World, Receiver, Arc<AtomicBool>) {
    let fine = Arc::new(AtomicBool::new(false));
    let is_fine = Arc::clone(&fine);
    let receiver = Receiver::answering(move |hit| {
        let is_track = hit.json()["event_type"] == "track.discovered";
        match is_track && !is_fine.load(Ordering::SeqCst) {
            true => Reply::Status(status),
            false => Reply::Status(200),
        }
    });
    let mut world = World::new();
    (1..=3).for_each(|number| add(&world, number));
    let text = format!(
        "[[webhooks]]\nname = 'script'\nurl = '{}'\nretries = 1\nmax_wait = 1\n",
        receiver.url("/")
    );
    start(&mut world, &text);
    until_done(&world, "script");
    (world, receiver, fine)
}

fn letters(world: &World) -> Vec<Value> {
    let list = world.json(["webhook", "list", "script", "--json"]);
    list["dead_letters"].as_array().unwrap().clone()
}

#[test]
fn what_is_refused_is_put_aside_and_sent_again_when_asked() {
    let (mut world, receiver, fine) = refusing(400);
    let tracks: Vec<Value> = world
        .events()
        .into_iter()
        .filter(|event| event["kind"] == "track.discovered")
        .collect();
    assert_eq!(tracks.len(), 3);
    let letters = letters(&world);
    for (letter, event) in letters.iter().zip(&tracks) {
        assert_eq!(letter["webhook"], "script");
        assert_eq!(letter["position"], event["position"]);
        assert_eq!(letter["attempts"], 1);
        assert_eq!(letter["folders"], json!([]));
        assert_eq!(letter["problem"], "it answered 400 Bad Request");
    }
    // Everything else has been delivered.
    assert_eq!(told(&receiver.hits()).len() as u64, world.position());

    let again = world.run(["webhook", "retry", "--json"]);
    assert_eq!(again.status.code(), Some(1));
    let came: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(came, json!({ "delivered": 0, "failed": 3, "left": 0 }));
    assert_eq!(self::letters(&world)[0]["attempts"], 2);

    // They outlive the daemon.
    world.kill();
    fine.store(true, Ordering::SeqCst);
    receiver.clear();
    let config = world.path().join("config.toml");
    world.start_with(&["--config", config.to_str().unwrap()]);
    let one = letters[1]["id"].to_string();
    let came = world.json(["webhook", "retry", "script", &one, "--json"]);
    assert_eq!(came, json!({ "delivered": 1, "failed": 0, "left": 0 }));
    let hits = receiver.hits();
    let body = hits.last().unwrap().json();
    assert_eq!(body["id"], tracks[1]["id"]);
    assert_eq!(body["data"], tracks[1]["data"]);

    let first = letters[0]["id"].to_string();
    let came = world.json(["webhook", "drop", "script", &first, "--json"]);
    assert_eq!(came, json!({ "dropped": 1 }));
    let came = world.json(["webhook", "retry", "--json"]);
    assert_eq!(came, json!({ "delivered": 1, "failed": 0, "left": 0 }));
    assert_eq!(listed(&world, "script")["dead_letters"], 0);
    assert!(self::letters(&world).is_empty());
}

#[test]
fn what_fails_for_now_is_tried_as_often_as_told() {
    let (world, receiver, _) = refusing(503);
    let letters = letters(&world);
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|letter| letter["attempts"] == 2));
    let first = letters[0]["position"].as_u64().unwrap();
    let tries = |position: u64| {
        let hits = receiver.hits().into_iter();
        hits.filter(|hit| hit.json()["position"] == position)
            .count()
    };
    assert_eq!((tries(first), tries(1)), (2, 1));
    // A receiver that is not there is asked once, not for each letter.
    let again = world.run(["webhook", "retry", "script", "--json"]);
    let came: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(came, json!({ "delivered": 0, "failed": 1, "left": 2 }));
    let listed = listed(&world, "script");
    assert_eq!(listed["parked"], 3);
    assert_eq!(listed["failed"], 6);
}

#[test]
fn people_are_told() {
    let (world, receiver, _) = refusing(410);
    let said = |args: &[&str]| {
        let output = world.run(args);
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(text).unwrap(),
        )
    };
    let (code, list) = said(&["webhook", "list"]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = list.lines().collect();
    let expected = format!(
        "script  idle  up to date  3 dead letters  {}",
        receiver.url("/")
    );
    assert_eq!(lines[0], expected);
    assert!(list.contains("1 try  it answered 410 Gone"), "{list}");
    assert_eq!(
        said(&["webhook", "test", "nobody"]),
        (
            3,
            "error: no webhook \"nobody\" is configured\n\
             hint: `musicfs webhook list` shows those that are\n"
                .to_owned()
        )
    );
    let (code, took) = said(&["webhook", "test", "script"]);
    assert!(
        code == 0 && took.starts_with("script took it, within "),
        "{took}"
    );
    let test = receiver.hits().pop().unwrap();
    assert_eq!(test.json()["event_type"], "webhook.test");
    assert_eq!(test.json()["data"], json!({ "webhook": "script" }));
    assert_eq!(test.header("x-musicfs-event-id"), test.json()["id"]);
    for member in ["subject", "cause", "origin", "path", "track"] {
        assert!(test.json().get(member).is_some(), "{member}");
    }
    for command in ["retry", "drop"] {
        let (code, refused) = said(&["webhook", command, "script", "99"]);
        assert_eq!(code, 3, "{refused}");
        assert!(refused.contains("no dead letter 99 of script"), "{refused}");
    }
    assert_eq!(said(&["webhook", "drop", "script"]).0, 2);
    assert_eq!(
        said(&["webhook", "drop", "script", "--all"]),
        (0, "3 dead letters thrown away\n".to_owned())
    );
    drop(receiver);
    let (code, failed) = said(&["webhook", "test", "script"]);
    assert_eq!(code, 1);
    assert!(failed.starts_with("error: webhook script: "), "{failed}");
    assert!(failed.contains("refused"), "{failed}");
}
