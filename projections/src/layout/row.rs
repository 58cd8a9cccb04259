//! The layout in force, as every view keeps it: columns `template`, `windows` and `duplicates` of its
//! `library`.

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use rusqlite::{Row, params};

use super::Template;
use crate::sql::Sql;

/// Reads `template, windows, duplicates` from the column `at` on; no template is the default.
pub(crate) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<LayoutSpec> {
    let template = row.get::<_, Option<String>>(at)?;
    let duplicates = row.get_ref(at + 2)?.as_str()?;
    Ok(LayoutSpec {
        template: template.unwrap_or_else(|| Template::DEFAULT.to_owned()),
        names: if row.get(at + 1)? {
            NameProfile::Windows
        } else {
            NameProfile::Posix
        },
        duplicates: Duplicates::EVERY
            .into_iter()
            .find(|rule| rule.name() == duplicates)
            .unwrap_or_default(),
    })
}

/// Writes them.
pub(crate) fn put(sql: &mut Sql<'_>, layout: &LayoutSpec) {
    let windows = layout.names == NameProfile::Windows;
    let update = "UPDATE library SET template = ?, windows = ?, duplicates = ?";
    let duplicates = layout.duplicates.name();
    sql.run(update, params![layout.template, windows, duplicates]);
}
