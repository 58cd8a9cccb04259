//! The task of an endpoint: reads the log from where it got to, and delivers, in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{Filter, Position, Timestamp};
use futures::StreamExt;
use tokio::sync::watch;

use super::answer::Outcome;
use super::client::{BUSY, Client, Sent};
use super::figures::{Activity, Figures};
use super::folder::Folder;
use super::ledger::{Ledger, Parking, Place};
use super::request::{Message, portions};
use super::{Running, Shared, backoff, former, place};
use crate::control::event;
use crate::control::feed::{OfOrigins, complete};
use crate::report::Result;

/// How long the worker waits before it goes on after the log or the ledger let it down.
const RETRY: Duration = Duration::from_secs(5);

/// A folder is told of once nothing has happened for so long, so that an album that is being copied
/// is one call…
const QUIET: Duration = Duration::from_secs(2);

/// … but no later than this after the first change.
const PATIENCE: Duration = Duration::from_secs(30);

/// What delivers to one endpoint.
pub(super) struct Worker {
    shared: Arc<Shared>,
    running: Running,
    /// Where it begins, if it never did before.
    first: Position,
}

/// A worker at work.
struct Work<'a> {
    worker: &'a Worker,
    ledger: &'a Ledger,
    client: &'a Client,
    heads: watch::Receiver<Position>,
    origins: Option<OfOrigins>,
    at: Position,
}

impl Worker {
    pub(super) const fn new(shared: Arc<Shared>, running: Running, first: Position) -> Self {
        Self {
            shared,
            running,
            first,
        }
    }

    /// Delivers until told to stop, which it may be at any moment: what was not noted as delivered is
    /// delivered again.
    pub(super) async fn run(self) {
        let work = async {
            let _turn = self.running.turn.lock().await;
            while let Err(report) = self.work().await {
                let name = &self.running.endpoint.name;
                tracing::error!("webhook {name} pauses for 5 s: {report}");
                self.figures(|figures| figures.problem = Some(report.message().to_owned()));
                tokio::time::sleep(RETRY).await;
            }
        };
        self.running.stop.run_until_cancelled(work).await;
    }

    fn figures<T>(&self, change: impl FnOnce(&mut Figures) -> T) -> T {
        change(&mut self.running.figures.lock())
    }

    async fn work(&self) -> Result<()> {
        let endpoint = &*self.running.endpoint;
        let store = &self.shared.store;
        let ledger = self.shared.ledger().await?;
        let letters = ledger.count(&endpoint.name).await?;
        let mut work = Work {
            worker: self,
            ledger,
            client: self.shared.client().await?,
            heads: store.heads(),
            origins: (!endpoint.origins.is_empty())
                .then(|| OfOrigins::new(Arc::clone(store), endpoint.origins.clone())),
            at: Position::START,
        };
        work.begin().await?;
        self.figures(|figures| {
            figures.letters = letters;
            figures.position = Some(work.at);
        });
        loop {
            // Marked as seen before looking: a head that comes meanwhile wakes us afterwards.
            work.heads.mark_unchanged();
            let head = store.head();
            if work.at == head {
                self.figures(|figures| figures.activity = Activity::Idle);
                if work.heads.changed().await.is_err() {
                    return Ok(());
                }
            } else if endpoint.takes_events() {
                work.events(head).await?;
            } else {
                work.folders().await?;
            }
        }
    }
}

impl Work<'_> {
    /// Goes to where the endpoint got to: in another log than it knew, to the present.
    async fn begin(&mut self) -> Result<()> {
        let Worker {
            shared,
            running,
            first,
        } = self.worker;
        let (name, present) = (&running.endpoint.name, running.present);
        let log = &*shared.store;
        let first = place::at(log, *first).await?;
        let known = self.ledger.place(name, first).await?;
        self.at = known.position;
        if place::is_in(log, known).await? {
            return Ok(());
        }
        tracing::warn!(
            "webhook {name} was at position {}, which is not in this log (restored, or repaired?); \
             it goes on at {}, and its receiver may have missed something",
            known.position.0,
            present.0
        );
        self.settle_at(present).await
    }

    /// Delivers each event up to a head.
    async fn events(&mut self, head: Position) -> Result<()> {
        self.seen(head).await;
        let Shared { store, views, .. } = &*self.worker.shared;
        let catalog = views.catalog();
        let mut events = store.read(self.at, Some(head), self.filter());
        while let Some(recorded) = events.next().await {
            let recorded = recorded?;
            if let Some(origins) = &mut self.origins
                && !origins.lets(&recorded).await?
            {
                continue;
            }
            let mut event = event(&recorded);
            complete(&mut event, &catalog);
            let failed = self.deliver(&Message::Event(Box::new(event))).await;
            let place = Place {
                position: recorded.position,
                event: Some(recorded.id),
            };
            let parked = failed.map(|(attempts, problem)| Parking {
                place,
                folders: None,
                attempts,
                problem,
            });
            self.settle(place, parked.as_slice()).await?;
        }
        if self.at < head {
            self.settle_at(head).await?;
        }
        Ok(())
    }

    /// Tells of the folders that changed, once nothing more happens.
    async fn folders(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match tokio::time::timeout(QUIET, self.heads.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => break,
            }
        }
        let head = self.worker.shared.store.head();
        self.seen(head).await;
        let filter = self.filter();
        let Shared { store, views, .. } = &*self.worker.shared;
        let mut events = store.read(self.at, Some(head), filter);
        let mut changes = former::Changes::default();
        while let Some(recorded) = events.next().await {
            let recorded = recorded?;
            let wanted = match &mut self.origins {
                Some(origins) => changes.concerns_all(&recorded) || origins.lets(&recorded).await?,
                None => true,
            };
            if wanted {
                changes.add(&recorded);
            }
        }
        let folders = changes.folders(&**store, views).await?;
        let head = place::at(&**store, head).await?;
        let mut parked = Vec::new();
        if !folders.is_empty() {
            for portion in portions(&self.worker.running.endpoint, folders) {
                parked.extend(self.tell(portion, head).await);
            }
        }
        self.settle(head, &parked).await
    }

    async fn tell(&self, folders: Vec<Folder>, head: Place) -> Option<Parking> {
        let message = Message::Folders(folders);
        let (attempts, problem) = self.deliver(&message).await?;
        let folders = match message {
            Message::Folders(folders) => Some(folders),
            Message::Event(_) | Message::Test => None,
        };
        Some(Parking {
            place: head,
            folders,
            attempts,
            problem,
        })
    }

    /// Waits until whoever is told of something and looks will see it (VIEW-4).
    async fn seen(&self, head: Position) {
        if let Err(error) = self.worker.shared.views.wait_for(head).await {
            let name = &self.worker.running.endpoint.name;
            tracing::warn!("webhook {name} tells of events that the mount may not show: {error}");
        }
    }

    fn filter(&self) -> Filter {
        // As a pattern, so that access events that were folded away are passed over, not refused.
        let patterns = self.worker.running.endpoint.events.iter();
        let kinds = patterns.map(|kind| match kind.as_str() {
            eventlog::wire::ACCESS_KIND => format!("{kind}*"),
            _ => kind.clone(),
        });
        Filter {
            kinds: kinds.collect(),
            subject: None,
        }
    }

    /// Notes, for good, that everything up to a place is dealt with.
    async fn settle(&mut self, done: Place, parked: &[Parking]) -> Result<()> {
        let name = &self.worker.running.endpoint.name;
        self.ledger.settle(name, done, parked).await?;
        self.at = done.position;
        self.worker.figures(|figures| {
            figures.position = Some(done.position);
            figures.parked += parked.len() as u64;
            figures.letters += parked.len() as u64;
        });
        Ok(())
    }

    /// Likewise, where the event at the position is not at hand.
    async fn settle_at(&mut self, done: Position) -> Result<()> {
        let done = place::at(&*self.worker.shared.store, done).await?;
        self.settle(done, &[]).await
    }

    /// Sends a message until it is taken. Gives up with how often it was tried, and why it failed.
    async fn deliver(&self, message: &Message) -> Option<(u32, String)> {
        let endpoint = &*self.worker.running.endpoint;
        let mut tries = 0_u32;
        loop {
            self.worker
                .figures(|figures| figures.activity = Activity::Delivering);
            let outcome = match self.client.send(endpoint, message).await {
                Sent::Judged(outcome) => outcome,
                Sent::Busy => {
                    self.pause(BUSY, tries).await;
                    continue;
                }
            };
            tries += 1;
            let is_news = self
                .worker
                .figures(|figures| figures.note(&outcome, Timestamp::now()));
            self.tell_people(&outcome, is_news);
            match outcome {
                Outcome::Taken => return None,
                Outcome::Never { problem } => return Some((tries, problem)),
                Outcome::Later { problem, .. } if tries > endpoint.retries => {
                    return Some((tries, problem));
                }
                Outcome::Later { after, .. } => {
                    let own = backoff::pause(tries, endpoint.longest_pause, fastrand::f64());
                    // Who asks for no pause at all gets one all the same.
                    self.pause(after.unwrap_or_default().max(own), tries).await;
                }
            }
        }
    }

    async fn pause(&self, pause: Duration, tries: u32) {
        self.worker
            .figures(|figures| figures.wait(pause, tries, Timestamp::now()));
        tokio::time::sleep(pause).await;
    }

    /// What is news is told; each of a thousand failures is not.
    fn tell_people(&self, outcome: &Outcome, is_news: bool) {
        let name = &self.worker.running.endpoint.name;
        match (outcome, is_news) {
            (Outcome::Taken, true) => tracing::info!("webhook {name} is fine again"),
            (Outcome::Later { problem, .. } | Outcome::Never { problem }, true) => {
                tracing::warn!("webhook {name} failed: {problem}; see `musicfs webhook list`");
            }
            (outcome, false) => tracing::debug!("webhook {name}: {outcome:?}"),
        }
    }
}
