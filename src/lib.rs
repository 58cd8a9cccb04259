//! The shell of MusicFS: it observes, asks for decisions, appends, wires the rooms together, and
//! talks to people. Nothing in here holds truth.

pub mod access;
pub mod cache;
pub mod cli;
mod collections;
pub mod config;
pub mod control;
pub mod daemon;
mod finding;
mod integrity;
pub mod library;
pub mod lock;
pub mod logging;
mod originals;
mod patience;
pub mod prefetch;
mod preflight;
pub mod reload;
pub mod report;
pub mod resources;
pub mod scan;
mod show;
mod signals;
pub mod state;
mod status_files;
pub mod supervise;
mod systemd;
pub mod webhooks;
pub mod writer;
