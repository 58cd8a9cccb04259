//! Failures that may pass: how often to try again, and how often to tell.

use std::time::Duration;

use crate::error::ViewError;

/// How long to wait after the first, the second and each later failure in a row.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// A view's failures in a row.
pub(crate) struct Trouble {
    view: &'static str,
    failures: usize,
    told: String,
}

impl Trouble {
    pub(crate) const fn none(view: &'static str) -> Self {
        Self {
            view,
            failures: 0,
            told: String::new(),
        }
    }

    /// Counts a failure, and tells of it unless it is the one told last. Returns how long to wait
    /// before another try.
    pub(crate) fn met(&mut self, error: &ViewError) -> Duration {
        let text = error.to_string();
        if text != self.told {
            tracing::error!(view = self.view, %error, "view does not go on, trying again");
            self.told = text;
        }
        let [.., longest] = PAUSES;
        let pause = PAUSES.get(self.failures).copied().unwrap_or(longest);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Begins anew after a success.
    pub(crate) fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(view = self.view, "view goes on");
            *self = Self::none(self.view);
        }
    }
}
