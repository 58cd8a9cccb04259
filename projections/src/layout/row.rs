//! The layout in force, as every view keeps it: columns `template` and `windows` of its `library`.

use eventlog::event::{LayoutSpec, NameProfile};
use rusqlite::{Row, params};

use super::Template;
use crate::sql::Sql;

/// Reads `template, windows` from the column `at` on; no template is the default.
pub(crate) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<LayoutSpec> {
    let template = row.get::<_, Option<String>>(at)?;
    Ok(LayoutSpec {
        template: template.unwrap_or_else(|| Template::DEFAULT.to_owned()),
        names: if row.get(at + 1)? {
            NameProfile::Windows
        } else {
            NameProfile::Posix
        },
    })
}

/// Writes them.
pub(crate) fn put(sql: &mut Sql<'_>, layout: &LayoutSpec) {
    let windows = layout.names == NameProfile::Windows;
    let update = "UPDATE library SET template = ?, windows = ?";
    sql.run(update, params![layout.template, windows]);
}
