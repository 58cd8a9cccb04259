//! What stands around an origin: limits, time-outs, attempts, counts (ORG-5, ORG-9).
//!
//! An implementation makes single attempts and tells failures apart; all else is decided here, once
//! for every kind. A call ends within 5 s on a disk of this machine and within 30 s elsewhere. There,
//! an attempt is given up after 10 s, and one that reads much after a second more for each 64 KiB. An
//! origin that left one unanswered has 5 s for each call, until it answers: the kernel reads a page that
//! failed once more by itself. What
//! may pass is tried again after 100 ms, 500 ms and 2 s, as far as the call's limit goes; where the
//! server said how long to wait, after that.

mod call;
mod figures;
mod gate;
mod limits;
mod pace;
#[cfg(test)]
mod tests;
mod walk;

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eventlog::{OriginId, OriginPath, Revision, Timestamp};
use futures::stream::BoxStream;
use tokio::sync::Notify;

use self::call::Guard;
pub use self::figures::{Figures, Op};
use self::gate::Class;
pub use self::limits::{Limits, Reach};
use crate::checksum::Checksum;
use crate::origin::{Depth, Directory, Origin, OriginError, OriginFile, WalkError, Watch};

/// An origin that is asked within limits. Those who listen go before scans, which have a handle of
/// their own.
#[derive(Clone)]
pub struct Guarded {
    inner: Arc<dyn Origin>,
    guard: Arc<Guard>,
    class: Class,
}

impl Guarded {
    /// Puts limits around an origin; what is asked of it is counted in `figures`.
    #[must_use]
    pub fn new(inner: Arc<dyn Origin>, limits: Limits, figures: Arc<Figures>) -> Self {
        Self {
            inner,
            guard: Arc::new(Guard::new(limits, figures)),
            class: Class::Listener,
        }
    }

    /// The same origin for scans: within the same limits, but after those who listen.
    #[must_use]
    pub fn for_scans(&self) -> Self {
        Self {
            class: Class::Scan,
            ..self.clone()
        }
    }

    /// Told each time a call ended in a way that makes it doubtful whether the origin is there, or
    /// whether it lets us in: a reason to check it now.
    #[must_use]
    pub fn doubts(&self) -> Arc<Notify> {
        Arc::clone(&self.guard.doubts)
    }
}

#[async_trait]
impl Origin for Guarded {
    fn id(&self) -> &OriginId {
        self.inner.id()
    }

    fn walk(
        &self,
        from: &OriginPath,
        depth: Depth,
    ) -> BoxStream<'static, Result<Directory, WalkError>> {
        walk::walk(
            Arc::clone(&self.inner),
            Arc::clone(&self.guard),
            from,
            depth,
        )
    }

    async fn stat(&self, path: &OriginPath) -> Result<Revision, OriginError> {
        let stat = || {
            let (inner, path) = (Arc::clone(&self.inner), path.clone());
            async move { inner.stat(&path).await }
        };
        self.guard.call(Op::Stat, self.class, 0, stat).await
    }

    async fn unmounted(
        &self,
        path: &OriginPath,
        known: Timestamp,
    ) -> Result<Option<OriginPath>, OriginError> {
        self.inner.unmounted(path, known).await
    }

    async fn open(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Result<Arc<dyn OriginFile>, OriginError> {
        let open = || {
            let (inner, path) = (Arc::clone(&self.inner), path.clone());
            let expected = expected.clone();
            async move { inner.open(&path, &expected).await }
        };
        let file = self.guard.call(Op::Open, self.class, 0, open).await?;
        Ok(self.guarded(file))
    }

    /// Only where a disk of this machine is asked: elsewhere, the time limit would be lost.
    fn open_here(
        &self,
        path: &OriginPath,
        expected: &Revision,
    ) -> Option<Result<Arc<dyn OriginFile>, OriginError>> {
        if self.guard.reach != Reach::Disk {
            return None;
        }
        let opened = self.inner.open_here(path, expected)?;
        self.guard.figures.count(Op::Open, &opened);
        Some(opened.map(|file| self.guarded(file)))
    }

    fn is_here(&self) -> bool {
        self.guard.reach == Reach::Disk && self.inner.is_here()
    }

    /// Asks once, at once: whoever checks has limits of their own.
    async fn check(&self) -> Result<(), OriginError> {
        let result = self.inner.check().await;
        self.guard.heard(Op::Check, &result);
        result
    }

    fn watch(&self) -> Result<Option<Watch>, OriginError> {
        self.inner.watch()
    }
}

impl Guarded {
    fn guarded(&self, inner: Arc<dyn OriginFile>) -> Arc<dyn OriginFile> {
        Arc::new(GuardedFile {
            inner,
            guard: Arc::clone(&self.guard),
            class: self.class,
        })
    }
}

/// An open file that is read within limits.
struct GuardedFile {
    inner: Arc<dyn OriginFile>,
    guard: Arc<Guard>,
    class: Class,
}

#[async_trait]
impl OriginFile for GuardedFile {
    fn revision(&self) -> &Revision {
        self.inner.revision()
    }

    async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes, OriginError> {
        let left = self.revision().size.saturating_sub(offset);
        let expected = left.min(len as u64);
        let read = || {
            let inner = Arc::clone(&self.inner);
            async move { inner.read_at(offset, len).await }
        };
        let call = self.guard.call(Op::Read, self.class, expected, read);
        let bytes = call.await?;
        self.guard.figures.count_bytes(bytes.len());
        Ok(bytes)
    }

    async fn checksum(&self) -> Result<Option<Checksum>, OriginError> {
        let checksum = || {
            let inner = Arc::clone(&self.inner);
            async move { inner.checksum().await }
        };
        self.guard.call(Op::Stat, self.class, 0, checksum).await
    }

    fn local(&self) -> Option<&File> {
        self.inner.local()
    }

    fn disk(&self) -> Option<&File> {
        self.inner.disk()
    }
}
