//! Text as it is searched: words without case and accents. The same for what is indexed and for what
//! is asked, so that what looks alike is found.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Longest word, in characters; the rest of a longer one is not looked at.
const LONGEST: usize = 64;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it is searched.
    pub(crate) text: String,
    /// Where it is in the text, in bytes.
    pub(crate) range: Range<usize>,
}

/// The words of a text. Scripts that are written without spaces have each character for a word: what is
/// asked for is then found within a longer text, since words that stand together are looked for
/// together.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    // The word that the next character may continue.
    let mut open: Option<Word> = None;
    for (at, shown) in text.grapheme_indices(true) {
        let end = at + shown.len();
        // However it is written, as by systems that part accents from their letters.
        for character in shown.nfc() {
            if is_apostrophe(character) && open.is_some() {
                continue;
            }
            let folded = fold(character);
            if is_unspaced(character) && !folded.is_empty() {
                words.extend(open.take());
                words.push(Word {
                    text: folded,
                    range: at..end,
                });
            } else if is_mark(character) || is_letter(character) {
                let word = open.get_or_insert_with(|| Word {
                    text: String::new(),
                    range: at..at,
                });
                if word.text.chars().count() < LONGEST {
                    word.text.push_str(&folded);
                }
                word.range.end = end;
            } else {
                words.extend(open.take());
            }
        }
    }
    words.extend(open);
    words.retain(|word| !word.text.is_empty());
    words
}

/// A whole text in one form: its words, or where it has none, as for the band `!!!`, its characters.
pub(crate) fn whole(text: &str) -> String {
    let words: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
    if words.is_empty() {
        let parts = text.split_whitespace().map(str::to_lowercase);
        return parts.collect::<Vec<_>>().join(" ");
    }
    words.join(" ")
}

/// A character without case, accent and width.
fn fold(character: char) -> String {
    let mut folded = String::new();
    for lower in character.to_lowercase() {
        if is_composed(lower) {
            folded.push(lower);
            continue;
        }
        for part in std::iter::once(lower).nfkd().filter(|part| !is_mark(*part)) {
            match part {
                'ß' => folded.push_str("ss"),
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                'þ' => folded.push_str("th"),
                'ø' => folded.push('o'),
                'đ' | 'ð' => folded.push('d'),
                'ł' => folded.push('l'),
                'ħ' => folded.push('h'),
                'ı' => folded.push('i'),
                // A wide or joined letter may come apart into what is none.
                part if is_letter(part) => folded.extend(part.to_lowercase()),
                _ => {}
            }
        }
    }
    folded
}

/// Vowel signs of Indic scripts count: without them there is no word.
fn is_letter(character: char) -> bool {
    character.is_alphanumeric()
        || unicode_normalization::char::is_combining_mark(character) && !is_mark(character)
}

/// Marks that people leave out: accents, and the vowels of Hebrew and Arabic.
const fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// Kana and Hangul, of which a part is another letter and no accent.
const fn is_composed(character: char) -> bool {
    matches!(character, '\u{3041}'..='\u{30ff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Han, kana, Thai, Lao, Myanmar, Khmer.
const fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{e4f}' | '\u{e80}'..='\u{ecf}' | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17d3}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

const fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’' | 'ʼ' | '`' | '´')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn case_accents_and_width_make_no_difference() {
        assert_eq!(
            texts("Sigur Rós, Ágætis byrjun"),
            ["sigur", "ros", "agaetis", "byrjun"]
        );
        assert_eq!(
            texts("MOTÖRHEAD Mötley Crüe"),
            ["motorhead", "motley", "crue"]
        );
        assert_eq!(
            texts("Straße ﬁn ＡＢＢＡ Łódź"),
            ["strasse", "fin", "abba", "lodz"]
        );
        assert_eq!(texts("İstanbul Björk"), texts("istanbul bjo\u{308}rk"));
        assert_eq!(texts("Пётр Ильич"), texts("петр ильич"));
        assert_eq!(texts("שָׁלוֹם"), texts("שלום"));
    }

    #[test]
    fn what_joins_words_and_what_parts_them() {
        assert_eq!(texts("Don't Stop ’Til"), ["dont", "stop", "til"]);
        assert_eq!(
            texts("AC/DC: T.N.T. (live)"),
            ["ac", "dc", "t", "n", "t", "live"]
        );
        assert_eq!(texts("!!! — ***"), [""; 0]);
        assert_eq!(whole("  !!!  "), "!!!");
        assert_eq!(whole("The  Beatles"), "the beatles");
    }

    #[test]
    fn scripts_without_spaces_are_searched_by_character() {
        assert_eq!(texts("坂本龍一 & YMO"), ["坂", "本", "龍", "一", "ymo"]);
        assert_eq!(texts("がぎ"), ["が", "ぎ"]);
        assert_eq!(texts("방탄소년단"), ["방탄소년단"]);
        assert_eq!(texts("हिन्दी"), ["हिन्दी"]);
        let parted = |text: &str| text.nfd().collect::<String>();
        for text in ["방탄", "ガギ", "Ágætis", "שָׁלוֹם"] {
            assert_eq!(texts(&parted(text)), texts(text), "{text}");
        }
    }

    #[test]
    fn words_know_where_they_are() {
        let text = "Ágætis (byrjun)";
        let shown: Vec<&str> = words(text).into_iter().map(|it| &text[it.range]).collect();
        assert_eq!(shown, ["Ágætis", "byrjun"]);
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in ".{0,40}") {
            let once = texts(&text);
            prop_assert_eq!(texts(&once.join(" ")), once);
        }

        #[test]
        fn ranges_lie_in_the_text_in_order(text in ".{0,40}") {
            let mut start = 0;
            for word in words(&text) {
                prop_assert!(word.range.start >= start && text.get(word.range.clone()).is_some());
                start = word.range.start;
            }
        }
    }
}
