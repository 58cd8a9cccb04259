//! Which files beside tracks are covers.

/// Bytes that a picture may have; larger ones are refused (FIND-4).
pub const MAX_COVER: u64 = 10 << 20;

/// What covers are called, without extension, the best first: what players and taggers write.
const STEMS: &[&str] = &["cover", "folder", "front", "albumart", "album"];

/// The formats that pictures are read in.
const EXTENSIONS: &[&str] = &["jpg", "jpeg", "png", "webp"];

/// How well a name says that the file is its album's cover, 0 best; none where it does not.
pub(super) fn cover_rank(name: &str) -> Option<usize> {
    let (stem, extension) = name.rsplit_once('.')?;
    let place = |among: &[&str], text: &str| {
        let mut all = among.iter();
        all.position(|known| known.eq_ignore_ascii_case(text))
    };
    let kind = place(EXTENSIONS, extension)?;
    Some(place(STEMS, stem)? * EXTENSIONS.len() + kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_are_known_by_their_names() {
        let best = [
            "cover.jpg",
            "Cover.PNG",
            "folder.jpg",
            "FRONT.jpeg",
            "AlbumArt.webp",
        ];
        let ranks: Vec<_> = best.iter().map(|name| cover_rank(name)).collect();
        assert!(
            ranks.is_sorted() && ranks.iter().all(Option::is_some),
            "{ranks:?}"
        );
        for name in [
            "cover",
            "cover.txt",
            "back.jpg",
            "cover (2).jpg",
            "cover.jpg.txt",
        ] {
            assert_eq!(cover_rank(name), None, "{name}");
        }
    }
}
