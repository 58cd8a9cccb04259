//! What tests of remote origins need: real servers, and faults between us and them.

pub mod odd;
pub mod proxy;
pub mod server;

use std::fmt::Debug;

/// What a test cannot do without.
fn need<T, E: Debug>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error:?}"))
}
