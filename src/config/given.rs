//! Values as they were given, and what keys make of them.

use std::path::{Path, PathBuf};

use super::{Env, expand, shown};
use crate::cache::size;

/// A value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Text; from the environment, whatever the key's type.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list of texts.
    List(Vec<String>),
    /// A value of a type that no key takes; what it is.
    Other(&'static str),
}

/// A text as a TOML string (TOML 1.1, basic strings).
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A text.
pub(super) fn text(given: &Given) -> Result<&str, String> {
    match given {
        Given::Text(text) => Ok(text),
        Given::Integer(_) => Err("takes a text in quotes, not a number".to_owned()),
        Given::Boolean(_) => Err("takes a text in quotes, not true or false".to_owned()),
        Given::List(_) => Err("takes one text, not a list".to_owned()),
        Given::Other(what) => Err(format!("takes a text in quotes, not {what}")),
    }
}

/// A path.
pub(super) fn path(given: &Given, env: Env<'_>) -> Result<PathBuf, String> {
    expand(text(given)?, env)
}

/// A path for showing.
pub(super) fn path_of(path: Option<&Path>) -> Option<String> {
    path.map(|path| quoted(&shown(path)))
}

/// A list; from one text, its parts between commas.
pub(super) fn list(given: &Given) -> Result<Vec<String>, String> {
    match given {
        Given::List(list) => Ok(list.clone()),
        Given::Text(text) => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()),
        Given::Integer(_) | Given::Boolean(_) | Given::Other(_) => {
            Err("takes a list of texts".to_owned())
        }
    }
}

/// A number within limits.
pub(super) fn number<T: TryFrom<i64>>(given: &Given, least: i64, most: i64) -> Result<T, String> {
    let number = match given {
        Given::Integer(number) => Some(*number),
        Given::Text(text) => text.parse().ok(),
        Given::Boolean(_) | Given::List(_) | Given::Other(_) => None,
    };
    number
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("takes a number from {least} to {most}"))
}

/// An amount of bytes.
pub(super) fn amount(given: &Given) -> Result<u64, String> {
    match given {
        Given::Text(text) => size::parse(text),
        given => number(given, 0, i64::MAX),
    }
}

/// `true` or `false`.
pub(super) fn boolean(given: &Given) -> Result<bool, String> {
    match given {
        Given::Boolean(given) => Some(*given),
        Given::Text(text) => text.parse().ok(),
        Given::Integer(_) | Given::List(_) | Given::Other(_) => None,
    }
    .ok_or_else(|| "takes true or false, without quotes".to_owned())
}

/// The name of a value.
pub(super) fn name_of<T: PartialEq>(value: &T, names: &[(&str, T)]) -> Option<String> {
    let (name, _) = names.iter().find(|(_, other)| other == value)?;
    Some(quoted(name))
}

/// One of the names that are allowed.
pub(super) fn one_of<T: Copy>(given: &Given, allowed: &[(&str, T)]) -> Result<T, String> {
    let text = text(given)?;
    allowed
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
            format!("is {text:?}, and has to be {}", names.join(" or "))
        })
}
