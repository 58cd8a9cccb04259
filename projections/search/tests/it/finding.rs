//! What is found, and in which order.

use eventlog::TrackId;
use search::{Marker, Query};

use crate::library::{Library, Song, discovered};

const SONGS: &[Song] = &[
    Song {
        artist: "Björk",
        album: "Homogenic",
        title: "Jóga",
        year: "1997",
        more: &[("genre", "Electronic"), ("mood", "Wide Open")],
    },
    Song {
        artist: "AC/DC",
        album: "Back in Black",
        title: "Hells Bells",
        year: "1980-07-25",
        more: &[("genre", "Hard Rock"), ("composer", "Angus Young")],
    },
    Song {
        artist: "Metallica",
        album: "Metallica",
        title: "The Unforgiven",
        year: "1991",
        more: &[("genre", "Metal"), ("albumartist", "Metallica")],
    },
    Song {
        artist: "Apocalyptica",
        album: "Plays Metallica by Four Cellos",
        title: "Metallica",
        year: "1996",
        more: &[("genre", "Cello Metal")],
    },
    Song {
        artist: "坂本龍一",
        album: "千のナイフ",
        title: "Thousand Knives",
        year: "1978",
        more: &[],
    },
    Song {
        artist: "!!!",
        album: "Louden Up Now",
        title: "Pardon My Freedom",
        year: "2004",
        more: &[("artist", "Nic Offer")],
    },
    Song {
        artist: "Bon Iver",
        album: "For Emma",
        title: "Re:Stacks",
        year: "2007",
        more: &[("comment", "a cabin"), ("lyrics", "excavation")],
    },
    Song {
        artist: "אריק איינשטיין",
        album: "אני ואתה",
        title: "Ani Ve'ata",
        year: "1971",
        more: &[],
    },
];

#[test]
fn each_part_of_the_grammar_finds_what_it_says() {
    let library = Library::of(SONGS);
    for (query, expected) in [
        ("bjork", &["Jóga"][..]),
        ("BJÖRK joga", &["Jóga"]),
        ("bjork bells", &[]),
        ("bjork OR bells", &["Hells Bells", "Jóga"]),
        ("genre:metal", &["Metallica", "The Unforgiven"]),
        ("genre:metal NOT cello", &["The Unforgiven"]),
        ("genre:metal -cello", &["The Unforgiven"]),
        ("\"back in black\"", &["Hells Bells"]),
        ("\"black in back\"", &[]),
        ("album:\"in black\" artist:ac/dc", &["Hells Bells"]),
        ("AC/DC", &["Hells Bells"]),
        ("composer:angus", &["Hells Bells"]),
        ("mood:open", &["Jóga"]),
        ("mood:\"wide open\"", &["Jóga"]),
        ("comment:cabin", &["Re:Stacks"]),
        ("excavation", &[]),
        ("year:1997", &["Jóga"]),
        (
            "year:[1990 TO 1997]",
            &["Jóga", "Metallica", "The Unforgiven"],
        ),
        ("year:[2005 TO *]", &["Re:Stacks"]),
        ("1997 electronic", &["Jóga"]),
        ("path:homogenic", &["Jóga"]),
        ("坂本", &["Thousand Knives"]),
        ("ナイフ", &["Thousand Knives"]),
        ("本坂", &[]),
        ("איינשטיין", &["Ani Ve'ata"]),
        ("aniveata OR veata", &["Ani Ve'ata"]),
        ("!!!", &["Pardon My Freedom"]),
        ("artist:offer", &["Pardon My Freedom"]),
        ("Re:Stacks", &["Re:Stacks"]),
        ("", &[]),
    ] {
        assert_eq!(library.found(query), expected, "{query}");
    }
    assert_eq!(library.found("NOT genre:metal").len(), SONGS.len() - 2);
    assert_eq!(library.found("year:[* TO *]").len(), SONGS.len());
}

#[test]
fn what_is_spelt_otherwise_is_found_behind_what_is_spelt_so() {
    let library = Library::of(SONGS);
    assert_eq!(library.found("metalica"), ["Metallica", "The Unforgiven"]);
    assert_eq!(library.found("unforgivne"), ["The Unforgiven"]);
    assert_eq!(library.found("metalica~0"), [""; 0]);
    assert_eq!(library.found("apokalyptika"), [""; 0]);
    assert_eq!(library.found("apokalyptika~2"), ["Metallica"]);
    assert_eq!(library.found("jogo~1"), ["Jóga"]);
    let near = Library::of(&[
        Song {
            artist: "Cave",
            title: "misspelt",
            ..Song::default()
        },
        Song {
            artist: "Dave",
            title: "right",
            ..Song::default()
        },
    ]);
    assert_eq!(near.titles("dave"), ["right", "misspelt"]);
}

#[test]
fn what_is_called_so_comes_first() {
    let library = Library::of(&[
        Song {
            artist: "Somebody",
            album: "Queen Queen Queen",
            title: "Queen and queen and queen",
            ..Song::default()
        },
        Song {
            artist: "Queen",
            album: "Innuendo",
            title: "The Show Must Go On",
            ..Song::default()
        },
        Song {
            artist: "Kings",
            album: "Queens",
            title: "Killer Queen",
            ..Song::default()
        },
        Song {
            artist: "Another",
            album: "Something",
            title: "Queen",
            ..Song::default()
        },
    ]);
    let titles = library.titles("queen");
    assert_eq!(titles.len(), 4);
    let first: Vec<&str> = titles.iter().take(2).map(String::as_str).collect();
    assert!(
        first.contains(&"Queen") && first.contains(&"The Show Must Go On"),
        "{titles:?}"
    );
    assert_eq!(library.titles("killer queen")[0], "Killer Queen");
    assert_eq!(
        library.titles("the show must go on")[0],
        "The Show Must Go On"
    );
}

#[test]
fn pages_follow_one_another() {
    const ARTISTS: [&str; 5] = ["Zoe", "Yan", "Mia", "Bob", "Ann"];
    let songs: Vec<Song> = (0..25)
        .map(|n| Song {
            artist: ARTISTS[n / 5],
            title: "Same",
            ..Song::default()
        })
        .collect();
    let library = Library::of(&songs);
    let query = Query::parse("same").unwrap();
    let searcher = library.search().searcher().now().unwrap();
    let mut tracks = Vec::new();
    for offset in (0..30).step_by(10) {
        let page = searcher.find(&query, offset, 10).unwrap();
        assert_eq!(page.total, 25);
        tracks.extend(page.hits.into_iter().map(|hit| hit.track));
    }
    assert_eq!(tracks.len(), 25);
    tracks.sort();
    tracks.dedup();
    assert_eq!(tracks.len(), 25);
    assert_eq!(searcher.find(&query, 0, 0).unwrap().hits, []);
}

#[test]
fn pages_follow_one_another_over_all_parts_of_the_index() {
    let song = |title| Song {
        artist: "Björk",
        album: "Post",
        title,
        ..Song::default()
    };
    let library = Library::of(&[]);
    // Each batch is a part of its own; all of them match alike.
    let titles = [
        "Hyperballad",
        "Isobel",
        "Headphones",
        "Hunter",
        "Cover",
        "Army",
    ];
    let mut track = 0;
    for batch in titles.chunks(2) {
        let events: Vec<_> = batch
            .iter()
            .map(|title| {
                track += 1;
                discovered(track, &format!("{track}.flac"), song(*title))
            })
            .collect();
        library.append(events);
        library.wait();
    }
    let now = library.search().searcher().now().unwrap();
    for query in ["bjork", "artist:bjork", "post", "bjork post"] {
        let query = Query::parse(query).unwrap();
        let find = |offset, limit| -> Vec<TrackId> {
            let page = now.find(&query, offset, limit).unwrap();
            page.hits.iter().map(|hit| hit.track).collect()
        };
        let all = find(0, 100);
        assert_eq!(all.len(), titles.len());
        for limit in 1..=titles.len() {
            let offsets = (0..titles.len()).step_by(limit);
            let pages: Vec<_> = offsets.flat_map(|offset| find(offset, limit)).collect();
            assert_eq!(pages, all, "{limit} at a time");
        }
    }
}

#[test]
fn pages_go_from_what_is_called_so_to_what_is_misspelt() {
    const fn of(artist: &'static str, album: &'static str, title: &'static str) -> Song {
        Song {
            artist,
            album,
            title,
            year: "",
            more: &[],
        }
    }
    let library = Library::of(&[
        of("Mud", "Stoned", "near"),
        of("Mud", "Stone", "in the album"),
        of("Mud", "Clay", "Stone Cold"),
        of("Stone", "Clay", "by the artist"),
        of("Stones", "Clay", "near again"),
        of("Mud", "Clay", "Stone"),
        of("Stone", "Stone", "Stone"),
    ]);
    let index = library.search().searcher().now().unwrap();
    let query = Query::parse("stone").unwrap();
    let all = index.find(&query, 0, 10).unwrap();
    let title = |at: usize| all.hits[at].shown.title.as_str();
    assert_eq!((all.total, title(0)), (7, "Stone"));
    assert_eq!([title(3), title(4)], ["in the album", "Stone Cold"]);
    assert_eq!([title(5), title(6)], ["near", "near again"]);
    for pair in all.hits.windows(2) {
        assert!(pair[0].score >= pair[1].score);
    }
    assert!(all.hits[4].score >= 1.0 && all.hits[5].score < 1.0);
    for length in 1..=8 {
        let pages = (0..8).step_by(length);
        let pages = pages.map(|offset| index.find(&query, offset, length).unwrap());
        let paged: Vec<_> = pages
            .inspect(|page| assert_eq!(page.total, 7))
            .flat_map(|page| page.hits)
            .collect();
        assert_eq!(paged, all.hits, "by {length}");
    }
}

#[test]
fn every_word_spelt_so_comes_before_any_that_is_not() {
    let library = Library::of(&[
        Song {
            artist: "Silver",
            album: "Silver",
            title: "Silver Rivers",
            ..Song::default()
        },
        Song {
            artist: "Somebody",
            title: "Nothing",
            more: &[("mood", "silver"), ("comment", "a river")],
            ..Song::default()
        },
    ]);
    assert_eq!(library.titles("silver river"), ["Nothing", "Silver Rivers"]);
    assert_eq!(
        library.titles("river OR rivers"),
        ["Silver Rivers", "Nothing"]
    );
}

#[test]
fn tracks_without_tags_are_found_by_their_file() {
    let library = Library::of(&[Song {
        title: "",
        album: "Mixtapes",
        ..Song::default()
    }]);
    library.append([crate::library::discovered(
        9,
        "Tapes/summer 84.flac",
        Song::default(),
    )]);
    library.wait();
    let query = Query::parse("summer").unwrap();
    let page = library
        .search()
        .searcher()
        .now()
        .unwrap()
        .find(&query, 0, 10)
        .unwrap();
    let shown = &page.hits[0].shown;
    assert_eq!(
        (&*shown.title, &*shown.artist),
        ("summer 84", "Unknown Artist")
    );
    let marked = Marker::of(&query).ranges(&shown.title);
    assert_eq!(marked.first(), Some(&(0..6)));
}

#[test]
fn nothing_that_people_type_fails_otherwise() {
    let library = Library::of(SONGS);
    let long = "x".repeat(256);
    let many = "ab ".repeat(32);
    for text in [
        "\u{202e}רוק",
        "*",
        "?",
        "~~",
        "~1",
        "a~",
        ":",
        ":a",
        "..",
        ".",
        "/",
        "\\",
        "'",
        "`",
        "{}",
        "[1 TO 2]",
        "+",
        "-",
        "--",
        "a:*",
        "\u{0}",
        "\u{feff}",
        "👩‍🎤",
        "(a)",
        "((a))",
        "title:!!!",
        "composer:!!!",
        "path:!!!",
        "mood:!!!",
        "NOT (a OR NOT b)",
        &long,
        &many,
    ] {
        if let Ok(query) = Query::parse(text) {
            library
                .search()
                .searcher()
                .now()
                .unwrap()
                .find(&query, 0, 100)
                .unwrap();
        }
    }
}

#[test]
fn what_is_not_wanted_is_what_is_spelt_so() {
    let beatles = |title| Song {
        artist: "The Beatles",
        title,
        ..Song::default()
    };
    let library = Library::of(&[beatles("Love Me Do"), beatles("Live at the BBC")]);
    assert_eq!(library.found("beatles NOT live"), ["Love Me Do"]);
    assert_eq!(library.found("beatles -live"), ["Love Me Do"]);
    assert_eq!(library.found("beatles NOT live~1"), [""; 0]);
}

#[test]
fn signs_between_words_are_no_words() {
    let library = Library::of(&[Song {
        artist: "Simon & Garfunkel",
        album: "Bookends",
        title: "Mrs. Robinson",
        year: "1968",
        ..Song::default()
    }]);
    for query in [
        "simon & garfunkel",
        "simon and garfunkel OR robinson",
        "Simon & Garfunkel - Mrs. Robinson",
        "bookends 1968",
        "simon + robinson",
    ] {
        assert_eq!(library.found(query), ["Mrs. Robinson"], "{query}");
    }
    assert_eq!(library.found("bookends 1969"), [""; 0], "another number");
    assert_eq!(library.found("&"), [""; 0]);
}

#[test]
fn every_value_is_found_and_ranked_as_itself() {
    let library = Library::of(&[
        Song {
            artist: "Nobody",
            title: "Verve and nerve",
            ..Song::default()
        },
        Song {
            artist: "Ann",
            title: "Duet",
            more: &[
                ("artist", "Bob"),
                ("albumartist", "Ann"),
                ("albumartist", "Bob"),
                ("title", "Zweigesang"),
                ("label", "Verve"),
                (
                    "musicbrainz_trackid",
                    "d6f0b7a4-2f5e-4b39-a1b3-0fd11bb4b5a5",
                ),
            ],
            ..Song::default()
        },
    ]);
    assert_eq!(library.found("title:zweigesang"), ["Duet"]);
    assert_eq!(library.found("albumartist:bob"), ["Duet"]);
    assert_eq!(library.titles("bob"), ["Duet"]);
    assert_eq!(library.found("label:verve"), ["Duet"]);
    assert_eq!(library.found("0fd11bb4b5a5"), [""; 0]);
    assert_eq!(library.found("musicbrainz_trackid:0fd11bb4b5a5"), ["Duet"]);
    assert_eq!(library.titles("verve"), ["Verve and nerve", "Duet"]);
}
