//! A webhook as it is configured (CTL-3).

use std::fmt;

use eventlog::OriginId;
use reqwest::Url;

use super::SecretSource;

/// What is sent, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Events, signed, one a request.
    #[default]
    MusicFs,
    /// Jellyfin is told which folders changed.
    Jellyfin,
    /// Plex is told to scan the folders that changed.
    Plex,
    /// Navidrome is told to scan the folders that changed.
    Navidrome,
}

impl Format {
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("musicfs", Self::MusicFs),
        ("jellyfin", Self::Jellyfin),
        ("plex", Self::Plex),
        ("navidrome", Self::Navidrome),
    ];

    /// The format's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MusicFs => "musicfs",
            Self::Jellyfin => "jellyfin",
            Self::Plex => "plex",
            Self::Navidrome => "navidrome",
        }
    }
}

/// With which event an endpoint of a new name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The next one.
    #[default]
    Now,
    /// The one at that position, from 1.
    Position(u64),
}

/// An address over HTTP, without user and password. Shown without its query, where many services
/// keep a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("takes an address such as http://127.0.0.1:8080/: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("takes an address that begins with http:// or https://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "takes no user or password in the address, since addresses are shown".to_owned(),
            );
        }
        Ok(Self(url))
    }

    /// The whole of it, for sending.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

/// Without its query.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_fragment(None);
        shown.set_query(None);
        f.write_str(shown.as_str())?;
        match self.0.query() {
            Some(_) => f.write_str("?…"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An entry of `[[webhooks]]`. Field comments are in [`super::webhook_keys`], from which the
/// reference is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of keys documents every field")]
pub struct WebhookConfig {
    pub name: String,
    pub url: Option<Address>,
    pub format: Format,
    pub secret: Option<SecretSource>,
    pub token: Option<SecretSource>,
    pub user: Option<String>,
    pub library: Option<u64>,
    pub library_path: Option<String>,
    pub events: Vec<String>,
    pub origins: Vec<OriginId>,
    pub from: Start,
    pub retries: u32,
    pub max_wait_secs: u64,
    pub timeout_secs: u64,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            url: None,
            format: Format::default(),
            secret: None,
            token: None,
            user: None,
            library: None,
            library_path: None,
            events: Vec::new(),
            origins: Vec::new(),
            from: Start::default(),
            retries: 10,
            max_wait_secs: 300,
            timeout_secs: 10,
        }
    }
}

impl WebhookConfig {
    /// What the entry as a whole lacks, or has in vain.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let format = self.format.name();
        let mut faults = Vec::new();
        let mut need = |missing: bool, what: &str| {
            if missing {
                faults.push(what.to_owned());
            }
        };
        need(self.name.is_empty(), "this webhook has no name");
        need(self.url.is_none(), "this webhook has no url");
        let to_server = self.format != Format::MusicFs;
        let no_token = to_server && self.token.is_none();
        need(
            no_token,
            &format!("a webhook of format {format} has a token"),
        );
        let no_user = self.format == Format::Navidrome && self.user.is_none();
        need(no_user, "a webhook of format navidrome has a user");
        let no_section = self.format == Format::Plex && self.library.is_none();
        need(
            no_section,
            "a webhook of format plex has a library: the number of its section",
        );
        let vain = [
            ("secret", to_server && self.secret.is_some()),
            ("token", !to_server && self.token.is_some()),
            (
                "user",
                self.format != Format::Navidrome && self.user.is_some(),
            ),
            (
                "library",
                !matches!(self.format, Format::Plex | Format::Navidrome) && self.library.is_some(),
            ),
            ("library_path", !to_server && self.library_path.is_some()),
        ];
        for (key, _) in vain.iter().filter(|(_, is_vain)| *is_vain) {
            faults.push(format!(
                "a webhook of format {format} has no use for `{key}`"
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_hides_its_query_and_takes_no_password() {
        let address = Address::parse("https://chat.example/hook?token=hunter2#x").unwrap();
        assert_eq!(address.to_string(), "https://chat.example/hook?…");
        assert_eq!(format!("{address:?}"), "https://chat.example/hook?…");
        for wrong in ["ftp://a/", "nowhere", "http://me:hunter2@a/", "mailto:a@b"] {
            let told = Address::parse(wrong).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn an_entry_tells_what_it_lacks_and_what_is_in_vain() {
        let token = Some(SecretSource::Environment("T".to_owned()));
        let plex = WebhookConfig {
            name: "plex".to_owned(),
            format: Format::Plex,
            user: Some("me".to_owned()),
            token: token.clone(),
            ..WebhookConfig::default()
        };
        assert_eq!(
            plex.faults(),
            [
                "this webhook has no url",
                "a webhook of format plex has a library: the number of its section",
                "a webhook of format plex has no use for `user`",
            ]
        );
        let own = WebhookConfig {
            name: "a".to_owned(),
            url: Address::parse("http://a/").ok(),
            token,
            ..WebhookConfig::default()
        };
        assert_eq!(
            own.faults(),
            ["a webhook of format musicfs has no use for `token`"]
        );
    }
}
