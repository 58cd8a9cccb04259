//! Progress: a bar on a terminal, nothing elsewhere or with `-q`.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::Context;

/// How far something is.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(context: &Context, what: &str) -> Self {
        let shown = io::stderr().is_terminal() && !context.is_quiet() && !context.json();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// So much is done, of so much; 0 where the end is not known.
    pub(super) fn at(&self, done: u64, of: u64) {
        let style = if of == 0 {
            ProgressStyle::with_template("{msg} {human_pos} {per_sec}")
        } else {
            ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
        };
        if let Ok(style) = style {
            self.0.set_style(style);
        }
        if of > 0 {
            self.0.set_length(of);
        }
        self.0.set_position(done);
    }

    /// Says what is being done.
    pub(super) fn doing(&self, what: String) {
        self.0.set_message(what);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
