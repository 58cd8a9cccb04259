//! The shell of MusicFS.
