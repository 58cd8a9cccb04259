//! Where in a text the words are that were looked for.

use std::ops::Range;

use crate::query::{Node, Query};
use crate::words::words;

/// Marks the words of a query in texts.
pub struct Marker(Vec<String>);

impl Marker {
    /// Marks the words of this one, as far as they are wanted.
    #[must_use]
    pub fn of(query: &Query) -> Self {
        let mut wanted = Vec::new();
        gather(&query.0, &mut wanted);
        Self(wanted)
    }

    /// The stretches of a text, in bytes, that words are in as they are spelt in the query, in order and
    /// apart from one another.
    #[must_use]
    pub fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let marked = words(text).into_iter();
        let marked = marked.filter(|word| self.0.contains(&word.text));
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for range in marked.map(|word| word.range) {
            match ranges.last_mut() {
                // What is seen as one character may be in several words.
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        ranges
    }
}

fn gather(node: &Node, wanted: &mut Vec<String>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => {
            nodes.iter().for_each(|node| gather(node, wanted));
        }
        Node::Word { text, .. } | Node::Phrase { text, .. } => {
            wanted.extend(words(text).into_iter().map(|word| word.text));
        }
        Node::Not(_) | Node::Years { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked_as_they_are_written() {
        let query = Query::parse("rós OR \"agaetis byrjun\" NOT live").unwrap();
        let text = "Sigur Rós – Ágætis byrjun (Live)";
        let marked: Vec<&str> = Marker::of(&query)
            .ranges(text)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(marked, ["Rós", "Ágætis", "byrjun"]);
    }

    #[test]
    fn a_character_of_several_words_is_marked_once() {
        for (query, text, marked) in [("is\u{ecd}", "y]is\u{ecd}isa", 2..7), ("ที่", "บานที่", 9..18)]
        {
            let marker = Marker::of(&Query::parse(query).unwrap());
            assert_eq!(marker.ranges(text), [marked], "{query}");
        }
    }
}
