//! Where in a text the words are that were looked for.

use std::ops::Range;

use crate::query::{Node, Query};
use crate::words::words;

/// The stretches of a text, in bytes, that a query's words are in as they are spelt there, in order.
#[must_use]
pub fn highlights(query: &Query, text: &str) -> Vec<Range<usize>> {
    let mut wanted = Vec::new();
    gather(&query.0, &mut wanted);
    words(text)
        .into_iter()
        .filter(|word| wanted.contains(&word.text))
        .map(|word| word.range)
        .collect()
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
        let marked: Vec<&str> = highlights(&query, text)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(marked, ["Rós", "Ágætis", "byrjun"]);
    }
}
