//! In which order what matches equally well is shown.

use super::{found, links, put, until_found};
use crate::world::World;

#[test]
fn an_album_is_found_in_its_order() {
    let mut world = World::new();
    for (seed, number) in [(1, "4"), (2, "2"), (3, "10"), (4, "1"), (5, "3")] {
        let title = format!("Song {seed}");
        let more = [("TRACKNUMBER", number)];
        put(&world, seed, "Ann", "Whole", &title, &more);
    }
    world.start();
    until_found(&world, "album:whole", 5);
    let found = found(&world, "album:whole");
    let results = found["results"].as_array().unwrap().iter();
    let titles: Vec<_> = results.map(|it| it["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Song 4", "Song 2", "Song 5", "Song 1", "Song 3"]);
    let names = links(&world.mnt().join(".search/album:whole"));
    assert!(names[4].0.starts_with("005. Ann - Song 3"), "{names:?}");
    // What came together stays together.
    until_in_order(&world, &titles);
}

fn until_in_order(world: &World, titles: &[&str]) {
    world.until("the collection is in order", |world| {
        let shown = world.json(["collection", "show", "Recently Added", "--json"]);
        let tracks = shown["tracks"].as_array().unwrap().iter();
        let shown: Vec<_> = tracks.map(|it| it["title"].as_str().unwrap()).collect();
        shown == titles
    });
}
