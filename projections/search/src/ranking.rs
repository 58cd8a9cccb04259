//! The best of what is found, without a look at all of it.

use std::collections::HashSet;

use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, Occur};
use tantivy::{DocAddress, Searcher};

use crate::compile::Asked;

/// A document, and how well it matches.
type Ranked = (f32, DocAddress);

/// How many match, and of them, the best first, `limit` from `offset` on. What has the words as they
/// are spelt comes first, with a score of 1 or more; then, below 1, what is found because one is spelt
/// otherwise.
///
/// Counting reads no frequencies, and the best alone are found by the highest that blocks of documents
/// can have: only together they would be all that is found, one by one.
pub(crate) fn ranked(
    index: &Searcher,
    asked: &Asked,
    offset: usize,
    limit: usize,
) -> tantivy::Result<(u64, Vec<Ranked>)> {
    let spelt = index.search(&asked.spelt, &Count)?;
    let mut best = if offset < spelt && limit > 0 {
        as_spelt(index, asked, offset, limit)?
    } else {
        Vec::new()
    };
    let Some(nearly) = &asked.nearly else {
        return Ok((spelt as u64, best));
    };
    let missing = limit.saturating_sub(best.len());
    if missing == 0 {
        return Ok((index.search(nearly, &Count)? as u64, best));
    }
    let others = BooleanQuery::new(vec![
        (Occur::Must, nearly.box_clone()),
        (Occur::MustNot, asked.spelt.box_clone()),
    ]);
    let top = TopDocs::with_limit(missing).and_offset(offset.saturating_sub(spelt));
    let (otherwise, last) = index.search(&others, &(Count, top.order_by_score()))?;
    best.extend(
        last.into_iter()
            .map(|(score, at)| (score / (1.0 + score), at)),
    );
    Ok(((spelt + otherwise) as u64, best))
}

/// The best of what has the words as they are spelt.
fn as_spelt(
    index: &Searcher,
    asked: &Asked,
    offset: usize,
    limit: usize,
) -> tantivy::Result<Vec<Ranked>> {
    let most = offset.saturating_add(limit);
    let top = |query| index.search(query, &TopDocs::with_limit(most).order_by_score());
    let mut best = top(&asked.spelt)?;
    if let Some(called) = &asked.called {
        // Those have what they are called beside: what is among the best of all is so among either's.
        let called = top(called)?;
        let known: HashSet<DocAddress> = called.iter().map(|(_, at)| *at).collect();
        best.retain(|(_, at)| !known.contains(at));
        best.extend(called);
        best.sort_by(|(score, at), (other, other_at)| {
            other.total_cmp(score).then_with(|| at.cmp(other_at))
        });
    }
    let best = best.into_iter().skip(offset).take(limit);
    Ok(best.map(|(score, at)| (1.0 + score, at)).collect())
}
