//! How much this thread counts beside others.

use rustix::process::{getpriority_process, setpriority_process};

/// Steps by which a thread that nobody waits for gives way (setpriority(2)).
const STEPS: i32 = 10;

/// Has others go first. Threads that this one starts do so, too.
pub fn be_nice() {
    // Of the calling thread alone, on Linux.
    let nicer = getpriority_process(None).and_then(|now| setpriority_process(None, now + STEPS));
    if let Err(error) = nicer {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a thread");
        tracing::debug!("{name} keeps the usual priority: {error}");
    }
}
