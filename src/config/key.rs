//! What a key of the configuration is.

use super::Env;
use super::given::Given;

/// A key of `T`.
pub struct Key<T> {
    /// Its name, with dots where it is in a table.
    pub name: &'static str,
    /// What it takes, for people.
    pub takes: &'static str,
    /// What it is for; the first sentence stands alone.
    pub about: &'static str,
    /// What to write to have the default, as TOML; where there is none, an example.
    pub example: &'static str,
    /// Takes a value over, or says what is wrong with it.
    pub set: fn(&mut T, &Given, Env<'_>) -> Result<(), String>,
    /// The value as it stands, as TOML; `None` where there is none.
    pub get: fn(&T) -> Option<String>,
}

impl<T> Key<T> {
    /// The environment variable that sets it: `MUSICFS_` and the name in capitals.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("MUSICFS_{}", self.name.to_uppercase().replace('.', "_"))
    }
}
