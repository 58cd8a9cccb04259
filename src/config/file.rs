//! The configuration file: TOML to keys and values, each with the line that it is on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::collection::COLLECTION_KEYS;
use super::keys::{Given, KEYS, Key};
use super::kind::SECRETS;
use super::origin::no_inline;
use super::origin_keys::ORIGIN_KEYS;
use super::suggest::nearest;
use super::webhook_keys::WEBHOOK_KEYS;

/// What the file has several of.
const LISTS: [&str; 3] = ["origins", "webhooks", "collections"];

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Keys outside of lists of tables, by full name.
    pub(super) values: Vec<Assignment>,
    /// The entries of `[[origins]]`, in the file's order.
    pub(super) origins: Vec<Entry>,
    /// The entries of `[[webhooks]]`, in the file's order.
    pub(super) webhooks: Vec<Entry>,
    /// The entries of `[[collections]]`, in the file's order.
    pub(super) collections: Vec<Entry>,
    /// False where it is no TOML: then nothing of it is above.
    pub(super) is_toml: bool,
    /// What is wrong with it. What is said beside that is above.
    pub(super) faults: Vec<Fault>,
}

/// An entry of a list of tables: where it begins, and what it says.
pub(super) type Entry = (Place, Vec<Assignment>);

/// A key and the value it is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) key: String,
    pub(super) value: Given,
    pub(super) place: Place,
}

/// A place in the file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Option<Place>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Reads a file's text. Of one that is no TOML, the first fault of each line is told, and nothing
/// else: what stands around it may be misread.
pub(super) fn parse(text: &str) -> Contents {
    let mut contents = Contents::default();
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        contents.is_toml = true;
        table(text, "", root.get_ref(), &mut contents);
        return contents;
    }
    let fault = |error: toml::de::Error| Fault {
        place: error.span().map(|span| place(text, span.start)),
        message: error.message().to_owned(),
        hint: None,
    };
    contents.faults = errors.into_iter().map(fault).collect();
    contents.faults.sort_by_key(|fault| fault.place);
    let line = |fault: &mut Fault| fault.place.map(|place| place.line);
    contents.faults.dedup_by_key(line);
    contents
}

/// Bytes as text, which TOML has to be.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|error| {
        let fit = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..fit).unwrap_or_default();
        Fault {
            place: Some(place(&String::from_utf8_lossy(before), fit)),
            message: "this is not UTF-8, as a configuration has to be".to_owned(),
            hint: Some("save the file as UTF-8, then try `musicfs config check`".to_owned()),
        }
    })
}

fn table(text: &str, prefix: &str, table: &DeTable<'_>, into: &mut Contents) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let place = place_of(text, key);
        let below = format!("{name}.");
        match value.get_ref() {
            DeValue::Array(entries) if name == "origins" => {
                for entry in entries {
                    let read = self::entry(text, "origins", ORIGIN_KEYS, entry, &mut into.faults);
                    into.origins.extend(read);
                }
            }
            DeValue::Array(entries) if name == "webhooks" => {
                for entry in entries {
                    let read = self::entry(text, "webhooks", WEBHOOK_KEYS, entry, &mut into.faults);
                    into.webhooks.extend(read);
                }
            }
            DeValue::Array(entries) if name == "collections" => {
                for entry in entries {
                    let read = self::entry(
                        text,
                        "collections",
                        COLLECTION_KEYS,
                        entry,
                        &mut into.faults,
                    );
                    into.collections.extend(read);
                }
            }
            DeValue::Table(inner) if KEYS.iter().any(|key| key.name.starts_with(&below)) => {
                self::table(text, &below, inner, into);
            }
            _ if LISTS.contains(&name.as_str()) => into.faults.push(no_list(&name, place)),
            _ if KEYS.iter().any(|key| key.name == name) => {
                into.values.push(Assignment {
                    key: name,
                    value: given(value),
                    place,
                });
            }
            _ => into
                .faults
                .push(unknown(&name, place, &names(KEYS, &LISTS))),
        }
    }
}

/// An entry of the list of tables of that name; `None` where it is no table.
fn entry<T>(
    text: &str,
    list: &str,
    keys: &[Key<T>],
    entry: &Spanned<DeValue<'_>>,
    faults: &mut Vec<Fault>,
) -> Option<Entry> {
    let entry_place = place(text, entry.span().start);
    let Some(entry) = entry.get_ref().as_table() else {
        faults.push(no_list(list, entry_place));
        return None;
    };
    let mut assignments = Vec::new();
    for (key, value) in entry {
        let (name, place) = (key.get_ref(), place_of(text, key));
        if keys.iter().any(|known| known.name == &**name) {
            assignments.push(Assignment {
                key: name.to_string(),
                value: given(value),
                place,
            });
        } else if list == "origins" && SECRETS.contains(&&**name) {
            faults.push(Fault {
                place: Some(place),
                message: no_inline(name),
                hint: Some("docs/ORIGINS.md shows how, for each of them".to_owned()),
            });
        } else {
            faults.push(unknown(name, place, &names(keys, &[])));
        }
    }
    Some((entry_place, assignments))
}

/// Something else in place of one of [`LISTS`].
fn no_list(name: &str, place: Place) -> Fault {
    Fault {
        place: Some(place),
        message: format!("`{name}` is a list of tables"),
        hint: Some(format!(
            "write [[{name}]] on a line of its own, and its keys below it, as in `musicfs config \
             init --print`"
        )),
    }
}

fn unknown(name: &str, place: Place, known: &[&str]) -> Fault {
    let is_last = |key: &&&str| key.rsplit('.').next() == Some(name);
    let hint = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => match known.iter().find(is_last) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`musicfs config init --print` shows every key".to_owned(),
        },
    };
    Fault {
        place: Some(place),
        message: format!("there is no key `{name}`"),
        hint: Some(hint),
    }
}

fn names<T>(keys: &[Key<T>], others: &[&'static str]) -> Vec<&'static str> {
    keys.iter()
        .map(|key| key.name)
        .chain(others.iter().copied())
        .collect()
}

fn given(value: &Spanned<DeValue<'_>>) -> Given {
    match value.get_ref() {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Given::Other("a number that large"), Given::Integer),
        DeValue::Array(entries) => entries
            .iter()
            .map(|entry| entry.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map_or(Given::Other("a list of anything but texts"), Given::List),
        DeValue::Boolean(given) => Given::Boolean(*given),
        DeValue::Float(_) => Given::Other("a number with a point"),
        DeValue::Datetime(_) => Given::Other("a date"),
        DeValue::Table(_) => Given::Other("a table"),
    }
}

/// Where a key begins; the parser counts the dot before it in.
fn place_of(text: &str, key: &Spanned<impl Sized>) -> Place {
    let start = key.span().start;
    let rest = text.get(start..).unwrap_or_default();
    let before = rest.len() - rest.trim_start_matches(['.', ' ', '\t']).len();
    place(text, start + before)
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, usize, String, String) {
        let fault = parse(text).faults.remove(0);
        let place = fault.place.unwrap();
        (
            place.line,
            place.column,
            fault.message,
            fault.hint.unwrap_or_default(),
        )
    }

    #[test]
    fn values_have_full_names_and_places() {
        let contents = parse("mountpoint = '/m'\n[log]\n  level = 'debug'\n");
        assert_eq!(contents.values.len(), 2);
        let level = contents
            .values
            .iter()
            .find(|value| value.key == "log.level")
            .unwrap();
        assert_eq!(level.place, Place { line: 3, column: 3 });
        assert_eq!(level.value, Given::Text("debug".to_owned()));
    }

    #[test]
    fn unknown_keys_come_with_place_and_suggestion() {
        let cases = [
            (
                "mountpont = '/m'",
                (1, 1, "mountpont", "did you mean `mountpoint`?"),
            ),
            (
                "[log]\nlevl = 'x'",
                (2, 1, "log.levl", "did you mean `log.level`?"),
            ),
            (
                "a.b = 1",
                (1, 1, "a", "`musicfs config init --print` shows every key"),
            ),
            (
                "\nlog . levle = 'x'",
                (2, 7, "log.levle", "did you mean `log.level`?"),
            ),
            (
                "template = 'x'",
                (1, 1, "template", "did you mean `layout.template`?"),
            ),
            (
                "[[origins]]\npth = 'x'",
                (2, 1, "pth", "did you mean `path`?"),
            ),
            (
                "[layuot]\nx = 1",
                (
                    1,
                    2,
                    "layuot",
                    "`musicfs config init --print` shows every key",
                ),
            ),
        ];
        for (text, (line, column, name, hint)) in cases {
            assert_eq!(
                fault(text),
                (
                    line,
                    column,
                    format!("there is no key `{name}`"),
                    hint.to_owned()
                )
            );
        }
    }

    #[test]
    fn broken_toml_comes_with_its_place() {
        let (line, _, message, _) = fault("mountpoint = '/m'\nlog = [");
        assert_eq!(line, 2, "{message}");
        let lines = |text: &str| -> Vec<usize> {
            let faults = parse(text).faults;
            faults.iter().map(|it| it.place.unwrap().line).collect()
        };
        assert_eq!(lines("a = \nb = 1\nc = x y\n[log\nlevle = 1\n"), [1, 3, 4]);
        for wrong in [
            "origins = ['/m']",
            "[origins]\npath = '/m'",
            "webhooks = 'x'",
        ] {
            let (line, _, message, _) = fault(wrong);
            assert!(
                line == 1 && message.ends_with("is a list of tables"),
                "{message}"
            );
        }
    }
}
