//! The reference model: random histories over a small alphabet, so that names collide often. After
//! each step the tree and the catalog are held against what raw facts say.
//!
//! `MUSICFS_SEQUENCES` sets how many histories are tried. A failure is shrunk and printed as Rust.

mod catalog;
mod collections;
mod copies;
mod ops;
mod plays;
mod readers;
mod regressions;
mod sqlite;
mod tree;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ops::{Op, Random};

/// Histories that also run on SQLite files: one of so many.
const ON_FILES: u64 = 20;

fn run(ops: &[Op], on_files: bool) -> Result<(), String> {
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        world::run(ops)?;
        if on_files { sqlite::run(ops) } else { Ok(()) }
    }));
    attempt.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "panicked".into()))
    })
}

/// Leaves out whatever a failure does not need.
fn shrink(mut ops: Vec<Op>, on_files: bool) -> Vec<Op> {
    let mut chunk = ops.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < ops.len() {
            let mut fewer = ops.clone();
            fewer.drain(at..(at + chunk).min(fewer.len()));
            if run(&fewer, on_files).is_err() {
                ops = fewer;
            } else {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    ops
}

/// Runs a history and panics, with code for a regression test, where it fails.
fn hold(ops: &[Op], on_files: bool) {
    if run(ops, on_files).is_err() {
        let ops = shrink(ops.to_vec(), on_files);
        let reason = run(&ops, on_files).unwrap_err();
        let code: String = ops.iter().map(|op| format!("        {op:?},\n")).collect();
        panic!(
            "{reason}\n\n    #[test]\n    fn named() {{\n        hold(&[\n{code}    ], {on_files});\n    }}\n"
        );
    }
}

#[test]
fn views_are_what_the_facts_say() {
    let wanted = std::env::var("MUSICFS_SEQUENCES")
        .ok()
        .and_then(|n| n.parse().ok());
    let sequences: u64 = wanted.unwrap_or(10_000);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for seed in (thread..sequences).step_by(usize::try_from(threads).unwrap()) {
                    let mut random = Random::new(seed);
                    let ops = random.history();
                    hold(&ops, seed % ON_FILES == 0);
                }
            });
        }
    });
}
