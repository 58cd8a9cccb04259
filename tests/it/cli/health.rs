//! `musicfs origin health`.

use std::fs;

use crate::world::{World, flac};

fn said(world: &World, more: &[&str]) -> (i32, serde_json::Value, String) {
    let arguments = ["origin", "health", "--json"].iter().chain(more);
    let output = world.run(arguments);
    (
        output.status.code().unwrap(),
        serde_json::from_slice(&output.stdout).unwrap_or_default(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn an_origin_is_checked_when_somebody_asks() {
    let mut world = World::new();
    fs::write(world.music().join("a.flac"), flac(1, &[("TITLE", "Song")])).unwrap();
    world.start();
    let (code, answer, _) = said(&world, &["music"]);
    let origin = &answer["origins"][0];
    assert_eq!((code, &origin["health"]), (0, &"healthy".into()));
    assert!(origin["latency_ms"].as_f64().unwrap() > 0.0);
    let first = origin["last_check"].as_str().unwrap().to_owned();
    let (_, answer, _) = said(&world, &[]);
    assert!(answer["origins"][0]["last_check"].as_str().unwrap() > &*first);

    // Its loss need not wait for the next check in half a minute, nor its return for a trial.
    let away = world.path().join("away");
    fs::rename(world.music(), &away).unwrap();
    let (code, answer, error) = said(&world, &["music"]);
    assert_eq!(
        (code, &answer["origins"][0]["health"]),
        (9, &"unhealthy".into())
    );
    assert!(answer["origins"][0]["message"].is_string(), "{answer}");
    assert!(error.contains("no answer from music"), "{error}");
    fs::rename(&away, world.music()).unwrap();
    world.until("it is back", |world| said(world, &["music"]).0 == 0);

    let table = world.run(["origin", "health"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.starts_with("  music  healthy  "), "{table}");
}

#[test]
fn what_is_no_origin_is_told() {
    let mut world = World::new();
    world.start();
    for (id, expected) in [
        ("nas", "there is no origin nas"),
        ("N A S", "is not an origin id"),
    ] {
        let (code, _, error) = said(&world, &[id]);
        assert_eq!(code, 3);
        assert!(error.contains(expected), "{error}");
    }
    world.stop();
    assert_eq!(said(&world, &[]).0, 8);
}
