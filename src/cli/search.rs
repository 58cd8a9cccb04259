//! `musicfs search`.

use clap::Args;
use proto::v1;
use search::Query;

use super::context::Context;
use super::output::hint;
use crate::control::{json, received};
use crate::report::Result;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to find: words that all have to match, field:word, "words together", AND, OR, NOT, year:[1990 TO 1999]
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// How many tracks at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// From which place on
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    offset: u32,
}

impl Arguments {
    /// Prints the paths of the tracks that match, the best first.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let request = v1::SearchRequest {
            query: self.query.join(" "),
            offset: self.offset,
            limit: self.limit,
        };
        let found = context.block_on(async {
            let client = context.connect().await?;
            let answer = client.search().search(request).await;
            Ok(answer.map_err(|status| received(&status))?.into_inner())
        })?;
        let mut out = context.output();
        if context.json() {
            out.json(&json::search(&found))?;
            return out.end();
        }
        for result in &found.results {
            out.line(&result.path)?;
        }
        out.end()?;
        if found.total == 0 && !context.is_quiet() {
            hint(&why_nothing(&self.query.join(" ")));
        }
        if let Some(next) = found.next_offset {
            let total = found.total;
            hint(&format!(
                "{total} tracks match; `--offset {next}` shows more"
            ));
        }
        Ok(())
    }
}

/// What may be the reason that nothing matches.
fn why_nothing(query: &str) -> String {
    let asked = Query::parse(query).ok();
    if asked.as_ref().is_some_and(Query::is_empty) {
        return "nothing was asked for: give a word that tracks have to have".to_owned();
    }
    if query.contains('*') {
        return "nothing matches; `*` stands for nothing: give whole words".to_owned();
    }
    match asked.as_ref().map(Query::tags).as_deref() {
        Some([tag, ..]) => format!(
            "nothing matches; `{tag}:` asks for a tag of that name: what every track may have is \
             artist, album, albumartist, title, genre, composer, year and path"
        ),
        _ => "nothing matches; all words have to, whole or nearly as they are spelt".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_nothing_is_told_why() {
        for (query, reason) in [
            ("", "nothing was asked for"),
            ("crook*", "`*` stands for nothing"),
            ("live NOT (artits:monk)", "`artits:` asks for a tag"),
            ("artist:monk", "all words have to"),
        ] {
            let told = why_nothing(query);
            assert!(told.contains(reason), "{query:?}: {told}");
        }
    }
}
