//! Ids of origins that have none.

use eventlog::OriginId;
use eventlog::event::OriginSpec;

use super::OriginConfig;

/// The configured origins under the ids that they have or get, given those that the library knows:
/// an origin without an id keeps the one that is known for its root.
#[must_use]
pub fn resolve(
    configured: &[OriginConfig],
    known: &[(OriginId, OriginSpec)],
) -> Vec<(OriginId, OriginSpec)> {
    let mut resolved: Vec<(OriginId, OriginSpec)> = Vec::new();
    for origin in configured {
        let same_place = || origin.known_as(known.iter().map(|(id, spec)| (id, spec)));
        let id = match origin.id.clone().or_else(same_place) {
            Some(id) => id,
            None => id_for(&origin.root.last_part(), |id| {
                let has = |(other, _): &(OriginId, OriginSpec)| other == id;
                known.iter().any(has)
                    || resolved.iter().any(has)
                    || configured.iter().any(|other| other.id.as_ref() == Some(id))
            }),
        };
        let spec = origin.spec(&id);
        resolved.push((id, spec));
    }
    resolved
}

/// An id made of the last part of a root: in small letters, what is not allowed replaced by `-`, with
/// a number where `taken` says so.
#[must_use]
pub fn id_for(name: &str, taken: impl Fn(&OriginId) -> bool) -> OriginId {
    /// Room for `-` and a number.
    const LONGEST: usize = OriginId::MAX_LEN - 11;
    let mut base = String::new();
    for c in name.to_lowercase().chars().take(LONGEST) {
        let plain = c.is_ascii_lowercase() || c.is_ascii_digit();
        if plain || (!base.is_empty() && matches!(c, '.' | '_')) {
            base.push(c);
        } else if !base.is_empty() && !base.ends_with('-') {
            base.push('-');
        }
    }
    let base = match base.trim_end_matches('-') {
        "" => "music",
        base => base,
    };
    let mut number = 1_u32;
    loop {
        let text = if number == 1 {
            base.to_owned()
        } else {
            format!("{base}-{number}")
        };
        match text.parse() {
            Ok(id) if !taken(&id) => return id,
            _ => number += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Root;
    use super::*;

    fn id(path: &str, taken: &[&str]) -> String {
        let (root, _) = Root::of_bytes(path.as_bytes()).unwrap();
        id_for(&root.last_part(), |id| taken.contains(&id.as_str())).to_string()
    }

    fn parse(text: &str) -> OriginConfig {
        OriginConfig::parse(text.as_ref()).unwrap()
    }

    #[test]
    fn ids_are_made_of_the_last_part_of_a_root() {
        assert_eq!(id("/home/me/Music", &[]), "music");
        assert_eq!(id("/mnt/Ünïque  Stuff (2020)", &[]), "n-que-stuff-2020");
        assert_eq!(id("/", &[]), "music");
        assert_eq!(id("/日本", &[]), "music");
        assert_eq!(id("/a/music", &["music", "music-2"]), "music-3");
        assert_eq!(id("sftp://nas.lan/srv/My%20Music/", &[]), "my-music");
        assert_eq!(id("https://nas.lan/", &[]), "nas.lan");
    }

    #[test]
    fn a_known_root_keeps_its_id_and_a_new_one_gets_a_free_id() {
        let a = parse("/a/music");
        let first = resolve(std::slice::from_ref(&a), &[]);
        let both = resolve(&[parse("/b/music"), a], &first);
        let ids: Vec<&str> = both.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["music-2", "music"]);
        let me = parse("sftp://me@nas/music");
        let known = resolve(std::slice::from_ref(&me), &both);
        let others = resolve(&[parse("sftp://you@nas/music"), me], &known);
        let ids: Vec<&str> = others.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["music", "music-3"]);
    }
}
