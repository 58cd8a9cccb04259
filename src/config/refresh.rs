//! When an origin is listed again (ORG-12).

use eventlog::event::OriginSpec;

/// When an origin is listed again (ORG-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refresh {
    /// As changes are told; at intervals where they cannot be.
    #[default]
    Watch,
    /// At intervals.
    Interval,
    /// When the daemon starts.
    Start,
    /// Only when asked.
    Never,
}

impl Refresh {
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("watch", Self::Watch),
        ("interval", Self::Interval),
        ("start", Self::Start),
        ("never", Self::Never),
    ];

    /// The policy's name in the configuration and in [`OriginSpec::options`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Interval => "interval",
            Self::Start => "start",
            Self::Never => "never",
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, policy)| *policy)
    }

    /// The policy that an origin's options tell; the default where they tell none that we know.
    #[must_use]
    pub fn of(spec: &OriginSpec) -> Self {
        spec.options
            .get("refresh")
            .and_then(|name| Self::from_name(name))
            .unwrap_or_default()
    }
}
