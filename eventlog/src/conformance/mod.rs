//! What every event store must do, as code, and sample events to do it with.

pub mod samples;
