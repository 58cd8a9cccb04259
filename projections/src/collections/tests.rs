//! Queries as text.

use proptest::prelude::*;

use super::query::{
    Age, Column, Condition, Date, Direction, Filter, Match, NumberField, Query, SortKey, Test,
    TextField, TimeField, Unit, When,
};
use super::{builtins, is_reserved};

fn text() -> impl Strategy<Value = Box<str>> {
    let usual = prop::sample::select(vec!["jazz", "Miles Davis", "AC/DC", "ß☃", "!!!", "a,b"]);
    let odd = prop::sample::select(vec![
        "AND", "TO", "*a", "a\"b\\c", "(x)", "a:b", "SORT", "a=<b",
    ]);
    prop_oneof![usual, odd].prop_map(Into::into)
}

fn test<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = Test<T>> {
    let end = prop::option::of(value.clone());
    prop_oneof![
        value.clone().prop_map(Test::Is),
        value.clone().prop_map(Test::Below),
        value.clone().prop_map(Test::AtMost),
        value.clone().prop_map(Test::Above),
        value.prop_map(Test::AtLeast),
        (end.clone(), end).prop_map(|(from, to)| Test::Between(from, to)),
    ]
}

fn date() -> impl Strategy<Value = Date> + Clone {
    let month = prop::option::of((1_u8..=12, prop::option::of(1_u8..=31)));
    (0_u16..=9999, month).prop_map(|(year, month)| Date {
        year,
        month: month.map(|(month, _)| month),
        day: month.and_then(|(_, day)| day),
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let tag = prop::sample::select(vec!["mood", "album type", "a.b"]);
    let field = prop_oneof![
        prop::sample::select(Column::EVERY).prop_map(TextField::Column),
        tag.prop_map(|tag| TextField::Tag(tag.into())),
    ];
    let how = prop::sample::select(vec![Match::Words, Match::Whole]);
    let number = prop::sample::select(NumberField::EVERY).prop_flat_map(|field| {
        let most = match field {
            NumberField::Year => 9_999_u32,
            NumberField::Rating => 50,
            NumberField::Plays | NumberField::Length => 500_000,
        };
        test(0..=most).prop_map(move |test| Condition::Number(field, test))
    });
    let unit = prop::sample::select(Unit::EVERY.to_vec());
    let age = (0_u32..100_000, unit).prop_map(|(count, (_, unit))| Age { count, unit });
    let when = prop_oneof![
        age.clone().prop_map(When::Within),
        age.prop_map(When::Before),
        test(date()).prop_map(When::On),
    ];
    let time = prop::sample::select(TimeField::EVERY);
    prop_oneof![
        text().prop_map(Condition::Anywhere),
        (field, how, text()).prop_map(|(field, how, text)| Condition::Text { field, how, text }),
        number,
        test(date()).prop_map(Condition::Date),
        (time, when).prop_map(|(field, when)| Condition::Time(field, when)),
        Just(Condition::NeverPlayed),
    ]
}

/// Filters as they are read: no part of the same kind as what it is part of.
fn filter() -> impl Strategy<Value = Filter> {
    condition()
        .prop_map(Filter::Is)
        .prop_recursive(4, 24, 3, |inner| {
            let part = |is_own: fn(&Filter) -> bool, of: fn(Vec<Filter>) -> Filter| {
                let other = move |filter: &Filter| !is_own(filter);
                let parts =
                    prop::collection::vec(inner.clone().prop_filter("same kind", other), 2..4);
                parts.prop_map(of)
            };
            prop_oneof![
                part(|it| matches!(it, Filter::All(_)), Filter::All),
                part(|it| matches!(it, Filter::Any(_)), Filter::Any),
                inner.clone().prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
}

fn query() -> impl Strategy<Value = Query> {
    let direction = prop::sample::select(vec![Direction::Ascending, Direction::Descending]);
    let key = (prop::sample::select(SortKey::EVERY), direction);
    let filter = prop_oneof![1 => Just(Filter::All(Vec::new())), 9 => filter()];
    let sort = prop::collection::vec(key, 0..3);
    let limit = prop::option::of(1..=Query::MOST);
    (filter, sort, limit).prop_map(|(filter, sort, limit)| Query {
        filter,
        sort,
        limit,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_printed_is_read_as_the_same(query in query()) {
        let text = query.to_string();
        prop_assume!(text.chars().count() <= Query::MAX_CHARS);
        prop_assert_eq!(Query::parse(&text), Ok(query), "{}", text);
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(text in "[a-z:=<>\\[\\]()\"* ,ANDORTSLIM0-9.\\\\é-]{0,60}") {
        if let Ok(query) = Query::parse(&text) {
            let printed = query.to_string();
            prop_assert_eq!(Query::parse(&printed), Ok(query), "{} as {}", text, printed);
        }
    }
}

#[test]
fn queries_have_one_usual_form() {
    for (text, usual) in [
        ("genre:jazz", "genre:jazz"),
        ("  genre:jazz year:1960 ", "genre:jazz AND year:1960"),
        ("((a))", "a"),
        (
            "title:\"-x\" \"or\" \"a*\" \"tag.x\"",
            "title:\"-x\" AND \"or\" AND \"a*\" AND \"tag.x\"",
        ),
        (
            "- + a-b *** ~ b~c",
            "- AND + AND a-b AND \"***\" AND ~ AND b~c",
        ),
        ("a AND (b AND c)", "a AND b AND c"),
        ("a OR b AND c", "a OR (b AND c)"),
        ("NOT (a OR b)", "NOT (a OR b)"),
        ("NOT NOT a", "NOT NOT a"),
        ("ARTIST:\"Miles Davis\"", "artist:\"Miles Davis\""),
        ("tag.MOOD=calm", "tag.mood=calm"),
        ("tag.\"Album Type\":live", "tag.\"album type\":live"),
        ("tag.genre:jazz", "genre:jazz"),
        ("year:[1960 TO 1969]", "year:[1960 TO 1969]"),
        ("year:[ * TO 1969 ]", "year:[* TO 1969]"),
        ("rating:>=4.0", "rating:>=4"),
        ("length:>330", "length:>5:30"),
        ("date:<=1994-05", "date:<=1994-05"),
        ("played:never", "played:never"),
        ("added:2024-05-01", "added:2024-05-01"),
        ("SORT year, title DESC", "SORT date, title DESC"),
        ("* LIMIT 5", "LIMIT 5"),
        ("*", "*"),
        (
            "genre:jazz AND year:[1960 TO 1969] AND NOT played:<30d SORT added DESC LIMIT 100",
            "genre:jazz AND year:[1960 TO 1969] AND NOT played:<30d SORT added DESC LIMIT 100",
        ),
    ] {
        assert_eq!(Query::parse(text).unwrap().to_string(), usual);
    }
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_could_stand_there() {
    for (text, expected) in [
        ("", "column 1: expected a condition, found the end"),
        ("genre:", "column 7: expected a word, found the end"),
        (
            "gnre:jazz",
            "column 1: expected a field such as genre, found \"gnre\"",
        ),
        ("a AND", "column 6: expected a condition, found the end"),
        (
            "(a OR b",
            "column 8: expected AND, OR or `)`, found the end",
        ),
        (
            "a )",
            "column 3: expected AND, OR, SORT, LIMIT or the end, found \")\"",
        ),
        ("year:soon", "column 6: expected a year, found \"soon\""),
        ("year>1990", "column 5: expected `:`, found \">1990\""),
        (
            "year:[1990 1999]",
            "column 12: expected TO, as in [1960 TO 1969], found \"1999]\"",
        ),
        (
            "date:1994-13",
            "column 6: expected a date: 1994, 1994-05 or 1994-05-17, found \"1994-13\"",
        ),
        (
            "added:30d",
            "column 7: expected <30d, >30d (h, d, w, m or y), a date such as 2024-05, found \"30d\"",
        ),
        (
            "live -studio",
            "column 6: expected NOT studio, or \"-studio\" in quotes, found \"-studio\"",
        ),
        (
            "title:art*",
            "column 7: expected a whole word, since collections have no `*`, or \"art*\" in quotes, found \"art*\"",
        ),
        (
            "bjork~1",
            "column 1: expected bjork, since collections have no `~`, or \"bjork~1\" in quotes, found \"bjork~1\"",
        ),
        (
            "jazz or blues",
            "column 6: expected OR in capital letters, or \"or\" in quotes, found \"or\"",
        ),
        ("tag.mood", "column 9: expected `:` or `=`, found the end"),
        (
            "rating:>=6",
            "column 10: expected a number of stars from 0 to 5, such as 4 or 3.5, found \"6\"",
        ),
        (
            "rating:5 stars",
            "column 10: expected AND, OR or the end: stars are not written out, found \"stars\"",
        ),
        (
            "artist:\"Miles",
            "column 8: expected a text that ends with `\"`, found \"\\\"Miles\"",
        ),
        (
            "a LIMIT 0",
            "column 9: expected a number from 1 to 10000, found \"0\"",
        ),
        ("a LIMIT 5 b", "column 11: expected the end, found \"b\""),
        (
            "a SORT year title",
            "column 13: expected a comma and what else to sort by, LIMIT or the end, found \"title\"",
        ),
    ] {
        assert_eq!(Query::parse(text).unwrap_err().to_string(), expected);
    }
    let deep = format!("{}a{}", "(".repeat(20), ")".repeat(20));
    let many = vec!["a"; 101].join(" ");
    let long = "a ".repeat(1_001);
    for (text, expected) in [
        (deep, "16 conditions within each other"),
        (many, "100 conditions"),
        (long, "2000 characters"),
    ] {
        let told = Query::parse(&text).unwrap_err().to_string();
        assert!(told.contains(&format!("at most {expected}")), "{told}");
    }
}

#[test]
fn what_is_always_there_can_be_written_down() {
    let written: Vec<_> = builtins(&[1990])
        .into_iter()
        .map(|(name, query)| {
            assert!(is_reserved(&name.to_uppercase()), "{name}");
            assert_eq!(Query::parse(&query.to_string()), Ok(query.clone()));
            format!("{name}: {query}")
        })
        .collect();
    assert_eq!(
        written,
        [
            "Recently Added: added:<30d SORT added DESC",
            "Recently Played: played:<7d SORT played DESC",
            "Most Played: plays:>0 SORT plays DESC, played DESC LIMIT 100",
            "1990s: year:[1990 TO 1999]",
        ]
    );
    for free in [
        "90s",
        "199s",
        "Jazz 1990s",
        "0s",
        "s",
        "19900s",
        "1990s jazz",
    ] {
        assert_eq!(is_reserved(free), free == "90s", "{free}");
    }
}
