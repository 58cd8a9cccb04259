//! One scan, and what is told of it and of its origin.

use std::sync::Arc;
use std::time::Instant;

use eventlog::OriginPath;
use eventlog::event::ScanSummary;
use origins::Guarded;
use tokio::sync::watch;

use super::super::later::Later;
use super::{GRACE, Keeper, STALLED};
use crate::scan::{Progress, Request, ScanError, ScanStatus, Scope};

impl Keeper {
    pub(super) fn begin(&self) -> Progress {
        let progress = Progress::begin(self.known_tracks());
        self.publish
            .send_modify(|state| state.scan = Some(progress.watch()));
        progress
    }

    pub(super) async fn scan(
        &self,
        origin: &Guarded,
        request: Request,
        progress: Progress,
        later: &mut Later,
    ) -> Result<ScanSummary, ScanError> {
        let began = Instant::now();
        // What is deleted from a folder of this machine, its user deletes.
        let request = Request {
            doubt_empty: self.is_remote(),
            ..request
        };
        let (scope, status) = (request.scope.clone(), progress.watch());
        let whole = scope == Scope::Whole;
        let result = self.watched(origin, request, progress).await;
        match &result {
            // What could not be read may be readable by now: only a whole listing can tell.
            Ok(_) if !whole && self.publish.borrow().unreadable.is_some() => {
                later.note(&scope, Some(Scope::Whole));
            }
            Ok(_) => later.note(&scope, status.borrow().again.clone()),
            Err(ScanError::Stalled(_)) => later.note(&Scope::Directories(vec![]), Some(scope)),
            Err(_) => {}
        }
        self.publish.send_modify(|state| {
            state.scan = None;
            state.settled |= result.is_ok();
            match &result {
                Ok(_) if whole => state.unreadable.clone_from(&status.borrow().trouble),
                Err(error @ ScanError::Stalled(_)) => state.unreadable = Some(error.to_string()),
                _ => {}
            }
            state.refresh();
            state.changes += result.as_ref().map_or(0, changes);
        });
        match &result {
            Ok(found) if changes(found) > 0 => {
                tracing::info!(
                    origin = %self.id,
                    "{} added, {} changed, {} moved, {} vanished of {} listed, in {:.1?}",
                    found.added, found.changed, found.moved, found.vanished, found.listed,
                    began.elapsed()
                );
            }
            Ok(found) => tracing::debug!(
                origin = %self.id, "nothing new in {} files, in {:.1?}", found.listed, began.elapsed()
            ),
            Err(error) => tracing::debug!(origin = %self.id, "scan ended early: {error}"),
        }
        result
    }

    /// Scans for as long as the origin is there, and is to be kept. A scan that does not end then is
    /// left to itself: it keeps its turn, and finds nothing any more.
    async fn watched(
        &self,
        origin: &Guarded,
        request: Request,
        progress: Progress,
    ) -> Result<ScanSummary, ScanError> {
        let mut status = progress.watch();
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else {
            // An earlier one still waits for an answer.
            return Err(ScanError::Stalled(OriginPath::root()));
        };
        let stop = self.stop.child_token();
        let scan = self.scanner.scan(
            Arc::new(origin.for_scans()),
            request,
            progress,
            stop.clone(),
            turn,
        );
        let mut scan = std::pin::pin!(scan);
        let why = tokio::select! {
            result = &mut scan => return result,
            error = self.lost(origin) => ScanError::Origin(error),
            directory = stalled(&mut status) => ScanError::Stalled(directory),
            () = self.stop.cancelled() => ScanError::Stopped,
        };
        stop.cancel();
        drop(tokio::time::timeout(GRACE, scan).await);
        Err(why)
    }
}

/// Returns once a scan has got nowhere for [`STALLED`]; tells where it was.
async fn stalled(status: &mut watch::Receiver<ScanStatus>) -> OriginPath {
    loop {
        match tokio::time::timeout(STALLED, status.changed()).await {
            Ok(Ok(())) => {}
            // The scan has ended: its result comes.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return status.borrow().directory.clone(),
        }
    }
}

const fn changes(found: &ScanSummary) -> u64 {
    found.added + found.changed + found.moved + found.vanished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_gets_nowhere_is_stalled_and_a_slow_one_is_not() {
        let (tell, mut status) = watch::channel(Progress::begin(0).watch().borrow().clone());
        let slow = tokio::spawn(async move {
            for listed in 0..10 {
                tokio::time::sleep(STALLED / 2).await;
                tell.send_modify(|status| status.listed = listed);
            }
            tell
        });
        let began = tokio::time::Instant::now();
        assert_eq!(stalled(&mut status).await, OriginPath::root());
        assert_eq!(began.elapsed(), STALLED * 6);
        drop(slow.await);
        let never = tokio::time::timeout(STALLED * 10, stalled(&mut status)).await;
        assert!(never.is_err(), "it has ended");
    }
}
