//! The `musicfs` tool.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(musicfs::cli::run(std::env::args_os()))
}
