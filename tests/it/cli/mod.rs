//! The command line: what it says, as data and to people, with a daemon and without.

mod configuration;
mod daemon;
mod health;
mod library;
mod mounting;
mod paths;
mod tool;
