//! Views: state folded from the event log, and the machinery that keeps, serves and rebuilds them.

pub mod layout;
