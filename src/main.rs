//! The `musicfs` tool.

use std::process::ExitCode;

/// Replay and scans are made of small allocations that one thread makes and another frees, which the
/// system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    ExitCode::from(musicfs::cli::run(std::env::args_os()))
}
