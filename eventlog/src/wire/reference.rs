//! The event reference, docs/EVENTS.md, made from the shapes themselves.

use std::fmt::{self, Write as _};

use super::describe::KindDescription;

const INTRODUCTION: &str = "\
# Events

Generated from the code; `UPDATE_DOCS=1 cargo test -p musicfs-eventlog` writes it anew.

Every event of the log has

| column | meaning |
|---|---|
| `position` | its place: 1, 2, 3, … without gaps |
| `id` | its identity, a UUIDv7 |
| `recorded_at` | when it was recorded: microseconds since the Unix epoch; RFC 3339 in JSON |
| `kind`, `version` | which of the shapes below its payload has |
| `subject` | what it is about: `library`, `origin:ID`, `track:NUMBER` or `collection:NAME` |
| `cause` | the scan or command that made it happen, a UUIDv7; may be missing |
| `payload` | the shape, as a MessagePack map with the fields below |
| `payload_hash` | BLAKE3-256 of the payload |
| `chain` | BLAKE3-256 over the chain value before and all columns but the payload |

A shape never changes once it was written: a change is a new version beside it, and old versions
are read for ever. Readers skip kinds and versions that they do not know.

In JSON (`musicfs events --json`, webhooks) the payload is `data`, with the same fields, except
that bytes which are paths are text, and where they are not UTF-8 their exact value is beside them
as `…_bytes` in hex; other bytes are hex; and each tag is an array of its values. Events whose
payload was folded away have `data: null` and `folded: true`.
";

/// The event reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    for kind in super::kinds() {
        // Writing to a string cannot fail.
        let _ = section(&mut out, &kind);
    }
    out
}

fn section(out: &mut String, kind: &KindDescription) -> fmt::Result {
    let KindDescription {
        kind: name,
        version,
        meaning,
        fields,
    } = kind;
    write!(out, "\n## `{name}`, version {version}\n\n{meaning}\n\n")?;
    out.push_str("| field | type | meaning |\n|---|---|---|\n");
    for field in fields {
        let optional = if field.optional {
            ", may be missing"
        } else {
            ""
        };
        writeln!(
            out,
            "| `{}` | {}{optional} | {} |",
            field.name, field.type_name, field.meaning
        )?;
    }
    Ok(())
}
