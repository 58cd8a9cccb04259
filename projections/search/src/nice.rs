//! How much this thread counts beside others.

use rustix::process::{getpriority_process, setpriority_process};

/// Steps by which a thread that nobody waits for gives way (setpriority(2)).
const STEPS: i32 = 10;

/// Has others go first. Threads that this one starts do so, too.
pub(crate) fn be_nice() {
    // Of the calling thread alone, on Linux.
    let nicer = getpriority_process(None).and_then(|now| setpriority_process(None, now + STEPS));
    if let Err(error) = nicer {
        tracing::debug!("the search index is kept at the usual priority: {error}");
    }
}
