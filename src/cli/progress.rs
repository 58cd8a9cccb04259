//! Progress: a bar on a terminal, nothing elsewhere or with `-q`.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::Context;

/// How far something is.
pub(super) struct Progress {
    bar: ProgressBar,
    /// True where what is counted are bytes.
    bytes: bool,
}

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
        Self { bar, bytes: false }
    }

    /// How far something is that is counted in bytes.
    pub(super) fn of_bytes(context: &Context, what: &str) -> Self {
        Self {
            bytes: true,
            ..Self::new(context, what)
        }
    }

    /// So much is done, of so much; 0 where the end is not known.
    pub(super) fn at(&self, done: u64, of: u64) {
        let template = match (of, self.bytes) {
            (0, _) => "{msg} {human_pos} {per_sec}",
            (_, false) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
            (_, true) => {
                "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}"
            }
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        if of > 0 {
            self.bar.set_length(of);
        }
        self.bar.set_position(done);
    }

    /// Says what is being done.
    pub(super) fn doing(&self, what: String) {
        self.bar.set_message(what);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
