//! An endpoint: a webhook of the configuration with its secrets fetched.

use std::path::Path;
use std::time::Duration;

use eventlog::OriginId;
use reqwest::Url;

use crate::config::{Address, Env, Format, Secret, SecretSource, Start, WebhookConfig};
use crate::report::{Kind, Report, Result};

/// Who is told, of what, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name, under which its position is kept.
    pub name: String,
    pub(super) address: Address,
    pub(super) target: Target,
    pub(super) events: Vec<String>,
    pub(super) origins: Vec<OriginId>,
    pub(super) start: Start,
    pub(super) retries: u32,
    pub(super) longest_pause: Duration,
    pub(super) timeout: Duration,
}

/// What kind of receiver it is, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Takes events.
    Events { secret: Option<Secret> },
    /// Jellyfin; `root` is where it sees the mount, without a slash at its end.
    Jellyfin { key: Secret, root: String },
    /// Plex, likewise; `section` is the library's number.
    Plex {
        token: Secret,
        section: u64,
        root: String,
    },
    /// Navidrome; `below` is where the mount is in its library, empty for the library's root.
    Navidrome {
        user: String,
        password: Secret,
        library: u64,
        below: String,
    },
}

impl Endpoint {
    /// The endpoint of an entry of the configuration. `mountpoint` is where media servers on the
    /// same machine see the library.
    ///
    /// # Errors
    /// [`Kind::Config`] where a secret cannot be had, or the entry is incomplete.
    pub fn of(config: &WebhookConfig, mountpoint: &Path, env: Env<'_>) -> Result<Self> {
        let name = &config.name;
        let fault = |what: &str| {
            Report::new(Kind::Config, format!("webhook {name}: {what}")).hint(
                "correct the configuration, then try `musicfs config check`; docs/WEBHOOKS.md has examples",
            )
        };
        if let Some(first) = config.faults().first() {
            return Err(fault(first));
        }
        let fetch = |key: &str, source: &SecretSource| {
            let secret = source.fetch(env);
            secret.map_err(|problem| fault(&format!("its {key} {problem}")))
        };
        let secret = config.secret.as_ref().map(|it| fetch("secret", it));
        let token = config.token.as_ref().map(|it| fetch("token", it));
        let token = || token.unwrap_or_else(|| Err(fault("it has no token")));
        let path = config.library_path.clone();
        let root = || {
            let root = path.clone();
            root.unwrap_or_else(|| {
                mountpoint
                    .to_string_lossy()
                    .trim_end_matches('/')
                    .to_owned()
            })
        };
        let target = match config.format {
            Format::MusicFs => Target::Events {
                secret: secret.transpose()?,
            },
            Format::Jellyfin => Target::Jellyfin {
                key: token()?,
                root: root(),
            },
            Format::Plex => Target::Plex {
                token: token()?,
                section: config.library.unwrap_or_default(),
                root: root(),
            },
            Format::Navidrome => Target::Navidrome {
                user: config.user.clone().unwrap_or_default(),
                password: token()?,
                library: config.library.unwrap_or(1),
                below: path.unwrap_or_default().trim_matches('/').to_owned(),
            },
        };
        let address = config.url.clone();
        Ok(Self {
            name: name.clone(),
            address: address.ok_or_else(|| fault("it has no url"))?,
            target,
            events: config.events.clone(),
            origins: config.origins.clone(),
            start: config.from,
            retries: config.retries,
            longest_pause: Duration::from_secs(config.max_wait_secs),
            timeout: Duration::from_secs(config.timeout_secs),
        })
    }

    /// The name of the format that it takes.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        match self.target {
            Target::Events { .. } => Format::MusicFs.name(),
            Target::Jellyfin { .. } => Format::Jellyfin.name(),
            Target::Plex { .. } => Format::Plex.name(),
            Target::Navidrome { .. } => Format::Navidrome.name(),
        }
    }

    /// Its address for people, without what may be secret.
    #[must_use]
    pub fn shown_address(&self) -> String {
        self.address.to_string()
    }

    /// True where it takes events, false where it is told of folders.
    pub(super) const fn takes_events(&self) -> bool {
        matches!(self.target, Target::Events { .. })
    }

    /// A page of a media server: `parts` below its address.
    pub(super) fn page(&self, parts: &[&str]) -> Url {
        let mut url = self.address.url().clone();
        url.set_fragment(None);
        // An address over HTTP always has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }
}
