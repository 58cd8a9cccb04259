//! The configuration: one typed struct, put together once from defaults, file, environment and
//! flags (CTL-7). [`keys`] says which keys there are; everything else is derived from that.

pub mod change;
pub mod check;
pub mod collection;
mod file;
mod flags;
mod given;
mod ids;
mod key;
mod keyring;
pub mod keys;
mod kind;
mod load;
mod origin;
mod origin_keys;
pub mod reference;
mod refresh;
mod root;
mod secret;
mod suggest;
mod webhook;
pub mod webhook_keys;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use projections::layout::Template;

pub use self::collection::CollectionConfig;
pub use self::flags::{Flags, Sources};
pub use self::given::Given;
pub use self::ids::{id_for, resolve};
pub use self::kind::OriginKind;
pub use self::load::{Loaded, ORIGINS_VARIABLE, Source, examine, load};
pub use self::origin::OriginConfig;
pub(crate) use self::origin::PLACE;
pub use self::refresh::Refresh;
pub use self::root::{RemoteUrl, Root};
pub(crate) use self::secret::warn_if_exposed;
pub use self::secret::{Secret, SecretSource};
pub(crate) use self::suggest::event_type;
pub use self::webhook::{Address, Format, Start, WebhookConfig};
use crate::control::tcp;
use crate::{access, cache, logging, prefetch};

/// What MusicFS is told to do. Field comments are in [`keys`], from which the reference is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the table of keys documents every field")]
pub struct Config {
    pub state_dir: PathBuf,
    pub mountpoint: Option<PathBuf>,
    pub mount_options: Vec<String>,
    pub layout_template: Option<String>,
    pub layout_names: Option<NameProfile>,
    pub layout_duplicates: Option<Duplicates>,
    pub scan_threads: usize,
    /// Which files that are no tracks are shown beside tracks.
    pub sidecars: crate::scan::Sidecars,
    pub access: access::Settings,
    pub cache: cache::Settings,
    pub prefetch: prefetch::Settings,
    pub metrics_listen: Option<SocketAddr>,
    pub control: tcp::Settings,
    pub log: logging::Settings,
    pub origins: Vec<OriginConfig>,
    pub webhooks: Vec<WebhookConfig>,
    pub collections: Vec<CollectionConfig>,
}

impl Config {
    /// The layout that is asked for, where any of it is; what is not told is as by default.
    #[must_use]
    pub fn layout(&self) -> Option<LayoutSpec> {
        if self.layout_template.is_none()
            && self.layout_names.is_none()
            && self.layout_duplicates.is_none()
        {
            return None;
        }
        let template = self
            .layout_template
            .as_deref()
            .unwrap_or(Template::DEFAULT)
            .to_owned();
        Some(LayoutSpec {
            template,
            names: self.layout_names.unwrap_or_default(),
            duplicates: self.layout_duplicates.unwrap_or_default(),
        })
    }
}

/// Where the configuration file is unless told otherwise: `XDG_CONFIG_HOME/musicfs/config.toml`, or
/// `/etc/musicfs/config.toml` where nobody is at home, as while a machine starts.
#[must_use]
pub fn default_file(env: Env<'_>) -> PathBuf {
    xdg(env, "XDG_CONFIG_HOME", ".config", "/etc").join("config.toml")
}

/// Where the state is unless told otherwise: `XDG_DATA_HOME/musicfs`, or `/var/lib/musicfs` where
/// nobody is at home.
#[must_use]
pub fn default_state_dir(env: Env<'_>) -> PathBuf {
    xdg(env, "XDG_DATA_HOME", ".local/share", "/var/lib")
}

/// Looks up an environment variable. A parameter, so that tests have their own environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's environment; values that are not UTF-8 count as absent.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// MusicFS's own directory in an XDG base directory (XDG Base Directory Specification 0.8).
fn xdg(env: Env<'_>, variable: &str, below_home: &str, system: &str) -> PathBuf {
    let absolute = |path: &PathBuf| path.is_absolute();
    env(variable)
        .map(PathBuf::from)
        .filter(absolute)
        .or_else(|| env("HOME").map(|home| Path::new(&home).join(below_home)))
        .unwrap_or_else(|| PathBuf::from(system))
        .join("musicfs")
}

fn home(env: Env<'_>) -> PathBuf {
    env("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

/// A path as written in a configuration: absolute, or below the home directory with `~/`.
fn expand(text: &str, env: Env<'_>) -> Result<PathBuf, String> {
    let path = match text.strip_prefix("~/") {
        Some(rest) => home(env).join(rest),
        None => PathBuf::from(text),
    };
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(format!(
            "{text:?} is no absolute path; write it from / or from ~/"
        ))
    }
}

/// A path for a TOML string.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
