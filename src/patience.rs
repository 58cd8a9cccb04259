//! Questions to disks and shares that may never answer.

use std::time::Duration;

use tokio::sync::oneshot;

/// How long a folder may take to tell what it is (ORG-8).
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

/// Asks on a thread of its own, and waits for at most [`LIMIT`]; `None` without an answer by then.
///
/// A share whose server is gone holds whoever touches it, for hours or for ever. The thread is not
/// one of the runtime's, which waits for its own when it ends.
pub(crate) async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("musicfs-ask".to_owned());
    if let Err(error) = thread.spawn(move || drop(tell.send(question()))) {
        tracing::warn!("cannot start a thread to look at a folder: {error}");
        return None;
    }
    tokio::time::timeout(LIMIT, told).await.ok()?.ok()
}

/// What is said of a folder that did not answer.
pub(crate) fn silence() -> std::io::Error {
    let message = format!("no answer within {} s", LIMIT.as_secs());
    std::io::Error::new(std::io::ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_answers_is_heard() {
        assert_eq!(ask(|| 1).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_is_given_up() {
        let (answer, question) = std::sync::mpsc::channel::<u8>();
        assert_eq!(ask(move || question.recv()).await, None);
        drop(answer);
    }
}
