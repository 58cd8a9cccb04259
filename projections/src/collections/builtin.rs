//! The collections that are always there.

use super::query::{
    Age, Condition, Direction, Filter, NumberField, Query, SortKey, Test, TimeField, Unit, When,
};

const ADDED: &str = "Recently Added";
const PLAYED: &str = "Recently Played";
const MOST: &str = "Most Played";

/// The collections that are always there, and one for each of these decades, told by their first
/// years.
#[must_use]
pub fn builtins(decades: &[u16]) -> Vec<(String, Query)> {
    let days = |count| {
        let unit = Unit::Days;
        When::Within(Age { count, unit })
    };
    let newest = |key| vec![(key, Direction::Descending)];
    let lately = |field, count, key| Query {
        filter: Filter::Is(Condition::Time(field, days(count))),
        sort: newest(key),
        limit: None,
    };
    let most = Query {
        filter: Filter::Is(Condition::Number(NumberField::Plays, Test::Above(0))),
        sort: [newest(SortKey::Plays), newest(SortKey::Played)].concat(),
        limit: Some(100),
    };
    let mut all = vec![
        (
            ADDED.to_owned(),
            lately(TimeField::Added, 30, SortKey::Added),
        ),
        (
            PLAYED.to_owned(),
            lately(TimeField::Played, 7, SortKey::Played),
        ),
        (MOST.to_owned(), most),
    ];
    all.extend(decades.iter().map(|first| {
        let (first, last) = (u32::from(*first), u32::from(*first) + 9);
        let years = Test::Between(Some(first), Some(last));
        let query = Query {
            filter: Filter::Is(Condition::Number(NumberField::Year, years)),
            sort: Vec::new(),
            limit: None,
        };
        (format!("{first}s"), query)
    }));
    all
}

/// True for a name that is, or could become, that of a collection which is always there; whatever its
/// case.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let is_decade = || {
        let digits = name.strip_suffix(['s', 'S'])?.strip_suffix('0')?;
        let is_year = digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(is_year && !digits.is_empty())
    };
    [ADDED, PLAYED, MOST]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
        || is_decade() == Some(true)
}
