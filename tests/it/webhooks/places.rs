//! Where webhooks begin, and what they remember.

use super::receiver::Receiver;
use super::{add, listed, start, told, until_done};
use crate::world::World;

fn hook(name: &str, receiver: &Receiver, more: &str) -> String {
    let url = receiver.url("/");
    format!("[[webhooks]]\nname = '{name}'\nurl = '{url}'\n{more}\n")
}

#[test]
fn a_new_webhook_begins_at_the_present_unless_told_otherwise() {
    let mut world = World::new();
    add(&world, 1);
    world.start();
    world.stop();
    let before = world.status()["position"].as_u64().unwrap();
    let [present, whole, later] = [(); 3].map(|()| Receiver::new());
    let text = hook("present", &present, "")
        + &hook("whole", &whole, "from = 'start'")
        + &hook("later", &later, "from = 3");
    start(&mut world, &text);
    for name in ["present", "whole", "later"] {
        until_done(&world, name);
    }
    let head = world.position();
    assert_eq!(
        told(&present.hits()),
        (before + 1..=head).collect::<Vec<_>>()
    );
    assert_eq!(told(&whole.hits()), (1..=head).collect::<Vec<_>>());
    assert_eq!(told(&later.hits()), (3..=head).collect::<Vec<_>>());

    // One that was left out for a while goes on where it was.
    world.stop();
    start(&mut world, "");
    add(&world, 2);
    world.until("it is in the log", |world| world.position() > head);
    let left = listed(&world, "whole");
    assert_eq!(
        (&left["configured"], &left["position"]),
        (&false.into(), &head.into())
    );
    world.stop();
    whole.clear();
    start(&mut world, &hook("whole", &whole, "from = 'start'"));
    until_done(&world, "whole");
    let end = world.position();
    assert_eq!(told(&whole.hits()), (head + 1..=end).collect::<Vec<_>>());

    // One that was dropped begins anew.
    let dropped = world.json(["webhook", "drop", "later", "--all", "--json"]);
    assert_eq!(dropped["dropped"], 0);
    assert!(listed(&world, "later").is_null());
    let unknown = world.run(["webhook", "drop", "later", "--all"]);
    assert_eq!(unknown.status.code(), Some(3));
}

#[test]
fn events_can_be_chosen_by_type_and_origin() {
    let mut world = World::new();
    let other = world.path().join("other");
    std::fs::create_dir(&other).unwrap();
    add(&world, 1);
    let [types, origins] = [(); 2].map(|()| Receiver::new());
    let text = hook("types", &types, "events = ['track.*', 'layout.changed']")
        + &hook("origins", &origins, "origins = ['other']");
    start(&mut world, &text);
    let other_origin = format!("other={}", other.display());
    let added = world.run(["origin", "add", &other_origin]);
    assert!(added.status.success(), "{added:?}");
    std::fs::rename(world.music().join("1.flac"), other.join("1.flac")).unwrap();
    world.until("both are listed", |world| {
        let status = world.status();
        let origins = status["origins"].as_array().unwrap();
        origins.len() == 2 && origins.iter().all(|it| it["listed"] == true) && {
            let events = world.events();
            let is_there = |event: &&serde_json::Value| event["data"]["origin"] == "other";
            let kinds = ["track.discovered", "track.returned"];
            events
                .iter()
                .filter(is_there)
                .any(|event| kinds.contains(&event["kind"].as_str().unwrap()))
        }
    });
    until_done(&world, "types");
    until_done(&world, "origins");
    let kinds = |receiver: &Receiver| -> Vec<String> {
        let hits = receiver.hits();
        let kinds = hits
            .iter()
            .map(|hit| hit.json()["event_type"].as_str().unwrap().to_owned());
        kinds.collect()
    };
    assert!(kinds(&types).iter().all(|kind| kind.starts_with("track.")));
    assert!(!kinds(&types).is_empty());
    let of_other = origins.hits();
    assert!(
        of_other.iter().all(|hit| hit.json()["origin"] == "other"),
        "{of_other:#?}"
    );
    assert_eq!(kinds(&origins)[0], "origin.added");
    assert!(
        kinds(&origins)
            .iter()
            .any(|kind| kind.starts_with("track."))
    );
}

#[test]
fn a_damaged_memory_is_moved_aside() {
    let receiver = Receiver::new();
    let mut world = World::new();
    add(&world, 1);
    let text = hook("script", &receiver, "");
    start(&mut world, &text);
    until_done(&world, "script");
    world.stop();
    let file = world.state().join("webhooks.db");
    std::fs::write(&file, vec![0xa5; 12_345]).unwrap();
    receiver.clear();
    let head = world.status()["position"].as_u64().unwrap();
    start(&mut world, &text);
    add(&world, 2);
    world.until("it is in the log", |world| world.position() > head);
    until_done(&world, "script");
    let first = told(&receiver.hits())[0];
    assert_eq!(first, head + 1, "it goes on from the present");
    assert!(
        world.daemon_log().contains("webhooks.db was damaged"),
        "{}",
        world.daemon_log()
    );
    let entries = std::fs::read_dir(world.state()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .any(|name| name.to_string_lossy().starts_with("webhooks.db.damaged-")),
        "{names:?}"
    );
}
