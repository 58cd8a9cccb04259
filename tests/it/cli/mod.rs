//! The command line without a daemon: every message names the thing and the next step.

mod configuration;
mod library;
mod mounting;
mod tool;
