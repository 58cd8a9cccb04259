//! The awkward library, as a tree (FS-3, FS-4, TAG-1, TAG-4, TAG-7).

use std::collections::BTreeMap;

use crate::world::World;

#[test]
fn the_tree_is_as_people_expect() {
    let mut world = World::with_library();
    world.start();
    let shown: Vec<_> = world.tree().into_keys().collect();
    let expected: Vec<_> = include_str!("library_tree.txt").lines().collect();
    assert_eq!(shown, expected);
    world.stop();
    world.assert_sound();
}

#[test]
fn what_is_wrong_with_a_file_is_in_its_event_and_in_explain() {
    let mut world = World::with_library();
    world.start();
    let defects: BTreeMap<String, Vec<String>> = world
        .events()
        .iter()
        .filter(|event| event["kind"] == "track.discovered")
        .map(|event| {
            let kinds = event["data"]["media"]["defects"]
                .as_array()
                .into_iter()
                .flatten();
            let kinds = kinds
                .map(|defect| defect["kind"].as_str().unwrap().to_owned())
                .collect();
            (event["data"]["path"].as_str().unwrap().to_owned(), kinds)
        })
        .collect();
    let of = |path: &str| defects[path].iter().map(String::as_str).collect::<Vec<_>>();
    assert!(of("Broken/text.mp3").contains(&"not_audio"));
    assert!(of("Broken/empty.mp3").contains(&"not_audio"));
    assert!(of("Broken/cut flac.flac").contains(&"truncated"));
    assert!(of("Wrong names/really flac.mp3").contains(&"wrong_extension"));
    assert_eq!(of("Formats/flac.flac"), Vec::<&str>::new());
    let explained = world.run(["explain", "Unknown Artist/Unknown Album [MP3]/text.mp3"]);
    let said = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(
        explained.status.success() && said.contains("not_audio"),
        "{said}"
    );
    world.stop();
}
