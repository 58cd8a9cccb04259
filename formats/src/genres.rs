//! The genres that ID3v1 and MP4 know by number.

/// ID3v1's list with Winamp's additions, by number.
const NAMES: &str = "Blues|Classic Rock|Country|Dance|Disco|Funk|Grunge|Hip-Hop|Jazz|Metal|\
New Age|Oldies|Other|Pop|R&B|Rap|Reggae|Rock|Techno|Industrial|Alternative|Ska|Death Metal|\
Pranks|Soundtrack|Euro-Techno|Ambient|Trip-Hop|Vocal|Jazz+Funk|Fusion|Trance|Classical|\
Instrumental|Acid|House|Game|Sound Clip|Gospel|Noise|Alternative Rock|Bass|Soul|Punk|Space|\
Meditative|Instrumental Pop|Instrumental Rock|Ethnic|Gothic|Darkwave|Techno-Industrial|\
Electronic|Pop-Folk|Eurodance|Dream|Southern Rock|Comedy|Cult|Gangsta Rap|Top 40|\
Christian Rap|Pop/Funk|Jungle|Native American|Cabaret|New Wave|Psychedelic|Rave|Showtunes|\
Trailer|Lo-Fi|Tribal|Acid Punk|Acid Jazz|Polka|Retro|Musical|Rock & Roll|Hard Rock|Folk|\
Folk-Rock|National Folk|Swing|Fast Fusion|Bebop|Latin|Revival|Celtic|Bluegrass|Avantgarde|\
Gothic Rock|Progressive Rock|Psychedelic Rock|Symphonic Rock|Slow Rock|Big Band|Chorus|\
Easy Listening|Acoustic|Humour|Speech|Chanson|Opera|Chamber Music|Sonata|Symphony|Booty Bass|\
Primus|Porn Groove|Satire|Slow Jam|Club|Tango|Samba|Folklore|Ballad|Power Ballad|\
Rhythmic Soul|Freestyle|Duet|Punk Rock|Drum Solo|A Cappella|Euro-House|Dance Hall|Goa|\
Drum & Bass|Club-House|Hardcore|Terror|Indie|BritPop|Afro-Punk|Polsk Punk|Beat|\
Christian Gangsta Rap|Heavy Metal|Black Metal|Crossover|Contemporary Christian|\
Christian Rock|Merengue|Salsa|Thrash Metal|Anime|JPop|Synthpop|Abstract|Art Rock|Baroque|\
Bhangra|Big Beat|Breakbeat|Chillout|Downtempo|Dub|EBM|Eclectic|Electro|Electroclash|Emo|\
Experimental|Garage|Global|IDM|Illbient|Industro-Goth|Jam Band|Krautrock|Leftfield|Lounge|\
Math Rock|New Romantic|Nu-Breakz|Post-Punk|Post-Rock|Psytrance|Shoegaze|Space Rock|\
Trop Rock|World Music|Neoclassical|Audiobook|Audio Theatre|Neue Deutsche Welle|Podcast|\
Indie Rock|G-Funk|Dubstep|Garage Rock|Psybient";

/// The genre of that number.
pub(crate) fn by_number(number: u8) -> Option<&'static str> {
    NAMES.split('|').nth(number.into())
}

/// The genres that an ID3v2 `TCON` text means: `Rock`, `17`, `(17)`, `(51)(39)`, `(4)Eurodisco`,
/// `(RX)`, `((literal` (id3v2.3.0 §4.2.1, id3v2.4.0 §4.2.3).
pub(crate) fn from_id3(text: &str) -> Vec<String> {
    let mut genres = Vec::new();
    let mut rest = text.trim();
    while let Some((reference, after)) = rest
        .strip_prefix('(')
        .filter(|inner| !inner.starts_with('('))
        .and_then(|i| i.split_once(')'))
    {
        let Some(genre) = referenced(reference) else {
            break;
        };
        genres.push(genre.to_owned());
        rest = after;
    }
    let rest = rest
        .strip_prefix('(')
        .filter(|inner| inner.starts_with('('))
        .unwrap_or(rest)
        .trim();
    // A refinement that only spells the reference out adds nothing.
    if !rest.is_empty() && !genres.iter().any(|genre| genre.eq_ignore_ascii_case(rest)) {
        genres.push(referenced(rest).unwrap_or(rest).to_owned());
    }
    genres
}

fn referenced(text: &str) -> Option<&'static str> {
    match text {
        "RX" => Some("Remix"),
        "CR" => Some("Cover"),
        digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().and_then(by_number)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_genres() {
        assert_eq!(by_number(0), Some("Blues"));
        assert_eq!(by_number(17), Some("Rock"));
        assert_eq!(by_number(79), Some("Hard Rock"));
        assert_eq!(by_number(191), Some("Psybient"));
        assert_eq!(by_number(192), None);
    }

    #[test]
    fn tcon_in_all_its_spellings() {
        for (text, genres) in [
            ("(17)", &["Rock"][..]),
            ("17", &["Rock"]),
            ("(51)(39)", &["Techno-Industrial", "Noise"]),
            ("(4)Eurodisco", &["Disco", "Eurodisco"]),
            ("(17)Rock", &["Rock"]),
            ("(RX)", &["Remix"]),
            ("((Brackets)", &["(Brackets)"]),
            ("(Foo) Bar", &["(Foo) Bar"]),
            ("Drum & Bass", &["Drum & Bass"]),
            ("(255)", &["(255)"]),
            ("", &[]),
        ] {
            assert_eq!(from_id3(text), genres, "{text:?}");
        }
    }
}
