//! The `musicfs` tool.
fn main() {}
