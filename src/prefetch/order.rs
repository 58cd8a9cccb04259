//! Names of the tree in the order in which players show them: no I/O.

use projections::Node;

/// Sorts entries of a directory as players do: `2` before `10`, capitals beside small letters.
pub(super) fn sort(nodes: &mut [Node]) {
    nodes.sort_by_cached_key(|node| (key(&node.name), node.name.clone()));
}

/// The runs of digits and of all else in a name; numbers come by their value, before words.
fn key(name: &str) -> Vec<(bool, usize, String)> {
    let lower = name.to_lowercase();
    let mut runs: Vec<(bool, usize, String)> = Vec::new();
    for character in lower.chars() {
        let is_word = !character.is_ascii_digit();
        match runs.last_mut() {
            Some((word, _, run)) if *word == is_word => run.push(character),
            _ => runs.push((is_word, 0, character.into())),
        }
    }
    for (is_word, length, run) in &mut runs {
        if !*is_word {
            *run = run.trim_start_matches('0').to_owned();
            *length = run.len();
        }
    }
    runs
}

/// True for the name of a folder with one disc of an album: `Disc 1`, `CD2`, `disk 03 - Live`.
pub(super) fn is_disc(name: &str) -> bool {
    let lower = name.to_lowercase();
    let words = ["disc", "disk", "cd"];
    let rest = words.iter().find_map(|word| lower.strip_prefix(word));
    rest.is_some_and(|rest| {
        let number = rest.trim_start_matches([' ', '-', '_', '.', '#']);
        number.starts_with(|character: char| character.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_players() {
        let sorted = [
            "1 - a.flac",
            "2 - B.flac",
            "02 - c.flac",
            "10 - a.flac",
            "2020 - x.flac",
            "a.flac",
            "a 2.flac",
            "A 11.flac",
            "b.flac",
            "Ö.flac",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by_cached_key(|name| (key(name), *name));
        let at = |name: &str| names.iter().position(|it| *it == name).unwrap();
        for pair in [
            ("1 - a.flac", "2 - B.flac"),
            ("2 - B.flac", "02 - c.flac"),
            ("02 - c.flac", "10 - a.flac"),
            ("10 - a.flac", "2020 - x.flac"),
            ("2020 - x.flac", "a.flac"),
            ("a 2.flac", "A 11.flac"),
            ("A 11.flac", "b.flac"),
            ("b.flac", "Ö.flac"),
        ] {
            assert!(at(pair.0) < at(pair.1), "{pair:?} in {names:?}");
        }
    }

    #[test]
    fn discs_are_told_by_their_names() {
        for name in ["Disc 1", "disc1", "CD 02", "Disk_3 - Live", "cd#4"] {
            assert!(is_disc(name), "{name}");
        }
        for name in ["Discovery", "Disc", "CD", "CDs 3", "1", "Bonus Disc 1"] {
            assert!(!is_disc(name), "{name}");
        }
    }
}
