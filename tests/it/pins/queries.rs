//! Pins of what a query finds, and of what a collection has.

use serde_json::Value;

use super::{is_here, library, pins, plays, put};

#[test]
fn what_a_query_finds_is_pinned_now_and_later() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    elsewhere.start(&key);
    let pinned = elsewhere
        .world
        .json(["cache", "pin", "--search", "album:pinned", "--json"]);
    assert_eq!(pinned["pin"]["search"], "album:pinned");
    assert_eq!(pinned["pin"]["path"], Value::Null);
    elsewhere.world.until("all of it is here", |world| {
        pins(world)[0]["tracks"] == 4 && is_here(world)
    });
    put(&elsewhere, 7, "Pinned");
    assert!(elsewhere.world.run(["origin", "rescan"]).status.success());
    elsewhere.world.until("what came is here, too", |world| {
        pins(world)[0]["tracks"] == 5 && is_here(world)
    });
    // A track that is found no longer is pinned no longer.
    put(&elsewhere, 7, "Other");
    assert!(elsewhere.world.run(["origin", "rescan"]).status.success());
    elsewhere
        .world
        .until("it left the pin", |world| pins(world)[0]["tracks"] == 4);
    elsewhere.server.stop();
    plays(&elsewhere.world, "Pinned", 4);
    elsewhere.world.stop();
    // Without a daemon, what is pinned is known as well.
    assert_eq!(pins(&elsewhere.world)[0]["tracks"], 4);
    elsewhere.world.start();
    for wrong in ["(", ""] {
        let output = elsewhere.world.run(["cache", "pin", "--search", wrong]);
        assert_eq!(output.status.code(), Some(3), "{wrong}");
    }
    let unpin = ["cache", "unpin", "--search", "album:pinned", "--json"];
    assert_eq!(elsewhere.world.json(unpin)["search"], "album:pinned");
    assert_eq!(elsewhere.world.run(unpin).status.code(), Some(3));
    assert_eq!(pins(&elsewhere.world), Value::Array(vec![]));
}

#[test]
fn what_a_collection_has_is_pinned_now_and_later() {
    let mut elsewhere = library();
    let key = elsewhere.key();
    elsewhere.start(&key);
    let world = &elsewhere.world;
    let unknown = world.run(["cache", "pin", "--collection", "Mine"]);
    assert_eq!(unknown.status.code(), Some(3));
    let define = |query: &str| {
        let defined = world.run(["collection", "add", "Mine", query]);
        assert!(defined.status.success(), "{defined:?}");
    };
    define("album:pinned");
    let pinned = world.json(["cache", "pin", "--collection", "Mine", "--json"]);
    assert_eq!(pinned["pin"]["collection"], "Mine");
    world.until("all of it is here", |world| {
        pins(world)[0]["tracks"] == 4 && is_here(world)
    });
    define("album:pinned OR album:other");
    world.until("what came is here, too", |world| {
        pins(world)[0]["tracks"] == 6 && is_here(world)
    });
    let removed = world.run(["collection", "remove", "Mine"]);
    let told = String::from_utf8_lossy(&removed.stderr);
    assert!(
        removed.status.success() && told.contains("pinned still"),
        "{told}"
    );
    world.until("nothing is in it", |world| pins(world)[0]["tracks"] == 0);
    elsewhere.world.stop();
    assert_eq!(pins(&elsewhere.world)[0]["collection"], "Mine");
}
