//! The shell of MusicFS: it observes, asks for decisions, appends, wires the rooms together, and
//! talks to people. Nothing in here holds truth.

pub mod config;
pub mod lock;
pub mod logging;
pub mod report;
pub mod state;
