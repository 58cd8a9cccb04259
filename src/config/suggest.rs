//! What may have been meant by a word that is not known.

use strsim::levenshtein;

/// The candidate nearest to `word`, where one is near enough to have been meant.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = word.chars().count().div_ceil(3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Refuses a type that no event can have, such as `track.mooved`, so that nobody waits for it in
/// vain; says what may have been meant. A pattern may end in `*`.
pub(crate) fn event_type(pattern: &str) -> Result<(), String> {
    let kinds = eventlog::wire::kinds();
    let mut names: Vec<&str> = kinds.iter().map(|kind| kind.kind).collect();
    // The versions of a kind follow one another.
    names.dedup();
    let filter = eventlog::Filter {
        kinds: vec![pattern.to_owned()],
        subject: None,
    };
    if names.iter().any(|name| filter.lets(name, "")) {
        return Ok(());
    }
    if pattern.contains(',') {
        return Err("give each type for itself".to_owned());
    }
    let begun: Vec<&str> = names
        .iter()
        .copied()
        .filter(|it| it.starts_with(pattern))
        .collect();
    let meant = match begun.as_slice() {
        [one] => Some(*one),
        _ => nearest(pattern, names.iter().copied()),
    };
    Err(match meant {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("there are {}", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_not() {
        let keys = ["mountpoint", "log.level", "log.file"];
        assert_eq!(nearest("mountpont", keys), Some("mountpoint"));
        assert_eq!(nearest("log.levle", keys), Some("log.level"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("", keys), None);
    }

    #[test]
    fn a_type_is_known_by_its_beginning() {
        assert!(event_type("track.*").is_ok());
        for (begun, meant) in [
            ("track.disc", "track.discovered"),
            ("track.mooved", "track.moved"),
        ] {
            assert_eq!(event_type(begun), Err(format!("did you mean {meant:?}?")));
        }
        assert!(event_type("track.moved,track.read").is_err());
    }
}
