//! Webhooks (CTL-3): who is told of the log's events over HTTP, at least once and in order.
//!
//! Each endpoint has a task of its own, which reads the log from where the [`Ledger`] says that it
//! got to, and waits for nobody but its receiver. Deciding is pure ([`request`], [`answer`],
//! [`folder`], [`backoff`]); the log, the ledger and the network are at the edge ([`worker`], [`client`]).

mod answer;
mod backoff;
mod body;
mod client;
mod endpoint;
mod figures;
mod folder;
mod followed;
mod former;
mod ledger;
mod letters;
mod place;
mod request;
mod sign;
mod subsonic;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::{EventStore, Position};
use parking_lot::Mutex;
use projections::Views;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use self::answer::Outcome;
use self::client::{Client, Sent};
pub use self::endpoint::Endpoint;
pub use self::figures::{Activity, Figures};
pub(crate) use self::followed::Followed;
use self::ledger::Ledger;
pub use self::ledger::{Letter, Which};
pub use self::letters::Retried;
use self::request::Message;
use self::worker::Worker;
use crate::config::Start;
use crate::report::{Kind, Report, Result};
use crate::supervise::{Supervisor, TaskState};

/// How the names of their tasks begin.
pub(crate) const TASK_PREFIX: &str = "webhook ";

/// The webhooks of a daemon. Clones share them.
#[derive(Clone)]
pub struct Webhooks(Arc<Shared>);

struct Shared {
    store: Arc<dyn EventStore>,
    views: Arc<Views>,
    supervisor: Supervisor,
    /// Where the ledger is.
    file: PathBuf,
    ledger: OnceCell<Ledger>,
    client: OnceCell<Client>,
    /// Those that are configured, by name.
    running: Mutex<BTreeMap<String, Running>>,
}

/// An endpoint that is configured.
#[derive(Clone)]
struct Running {
    endpoint: Arc<Endpoint>,
    figures: Arc<Mutex<Figures>>,
    stop: CancellationToken,
    /// The log's head when it was started.
    present: Position,
    /// Held by whoever delivers: of two tasks of one name, the second waits for the end of the first.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// An endpoint at one moment.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What the configuration says of it; `None` for one that it no longer names.
    pub endpoint: Option<Arc<Endpoint>>,
    /// How it is doing.
    pub figures: Figures,
}

/// How a test came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// Why it failed; `None` where the receiver took it.
    pub problem: Option<String>,
    /// How long the answer took.
    pub elapsed: Duration,
}

impl Webhooks {
    /// No webhooks yet. The ledger is made when the first one needs it.
    #[must_use]
    pub fn new(
        store: Arc<dyn EventStore>,
        views: Arc<Views>,
        supervisor: Supervisor,
        file: PathBuf,
    ) -> Self {
        Self(Arc::new(Shared {
            store,
            views,
            supervisor,
            file,
            ledger: OnceCell::new(),
            client: OnceCell::new(),
            running: Mutex::default(),
        }))
    }

    /// Makes these the webhooks: starts those that are new, ends those that are gone, and has those
    /// that changed, or failed too often, go on in their new form. What an endpoint got to stays.
    pub fn apply(&self, endpoints: Vec<Endpoint>) {
        let mut running = self.0.running.lock();
        running.retain(|name, it| {
            let stays = endpoints.iter().any(|endpoint| endpoint.name == *name);
            if !stays {
                it.stop.cancel();
            }
            stays
        });
        for endpoint in endpoints {
            let before = running.get(&endpoint.name);
            let is_same = before.is_some_and(|before| *before.endpoint == endpoint);
            if is_same && !self.was_given_up(&endpoint.name) {
                continue;
            }
            let stop = self.0.supervisor.stop().child_token();
            let next = Running {
                endpoint: Arc::new(endpoint),
                figures: before.map(|it| Arc::clone(&it.figures)).unwrap_or_default(),
                turn: before.map(|it| Arc::clone(&it.turn)).unwrap_or_default(),
                present: self.0.store.head(),
                stop,
            };
            if let Some(before) = running.insert(next.endpoint.name.clone(), next.clone()) {
                before.stop.cancel();
            }
            self.start(next);
        }
    }

    /// True where its task failed too often to be started again by itself.
    fn was_given_up(&self, name: &str) -> bool {
        let tasks = self.0.supervisor.tasks();
        let task = tasks.get(&task_name(name));
        task.is_some_and(|task| task.state == TaskState::Failed)
    }

    fn start(&self, running: Running) {
        let first = match running.endpoint.start {
            Start::Now => running.present,
            Start::Position(position) => Position(position.saturating_sub(1)),
        };
        let stop = running.stop.clone();
        let name = task_name(&running.endpoint.name);
        let shared = Arc::clone(&self.0);
        let supervisor = &self.0.supervisor;
        supervisor.spawn(name, stop, move || {
            Worker::new(Arc::clone(&shared), running.clone(), first).run()
        });
    }

    /// Closes what they remember. For when no endpoint is at work any more.
    pub async fn close(&self) {
        if let Some(ledger) = self.0.ledger.get()
            && let Err(report) = ledger.close().await
        {
            tracing::warn!("{report}");
        }
    }

    /// The endpoints that are configured, by name, as far as it is known without asking the ledger.
    #[must_use]
    pub fn configured(&self) -> Vec<Row> {
        let running = self.0.running.lock();
        let row = |(name, it): (&String, &Running)| Row {
            name: name.clone(),
            endpoint: Some(Arc::clone(&it.endpoint)),
            figures: it.figures.lock().clone(),
        };
        running.iter().map(row).collect()
    }

    /// Every endpoint, by name: those that are configured, and those that were and were not dropped.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn list(&self) -> Result<Vec<Row>> {
        let mut rows = self.configured();
        for (name, position, letters) in self.0.ledger().await?.endpoints().await? {
            match rows.iter_mut().find(|row| row.name == name) {
                Some(row) => row.figures.letters = letters,
                None => rows.push(Row {
                    name,
                    endpoint: None,
                    figures: Figures {
                        position: Some(position),
                        letters,
                        ..Figures::default()
                    },
                }),
            }
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    /// Sends an endpoint something that asks nothing of it, once: an event of type `webhook.test`, or
    /// a question that only who is let in gets an answer to.
    ///
    /// # Errors
    /// [`Kind::Input`] where no such webhook is configured.
    pub async fn test(&self, name: &str) -> Result<Tested> {
        let endpoint = self.endpoint(name)?;
        let client = self.0.client().await?;
        let began = Instant::now();
        let sent = client.send(&endpoint, &Message::Test).await;
        let problem = match sent {
            Sent::Judged(Outcome::Later { problem, .. } | Outcome::Never { problem }) => {
                Some(problem)
            }
            Sent::Judged(Outcome::Taken) | Sent::Busy => None,
        };
        Ok(Tested {
            problem,
            elapsed: began.elapsed(),
        })
    }

    fn endpoint(&self, name: &str) -> Result<Arc<Endpoint>> {
        let running = self.0.running.lock();
        let found = running.get(name).map(|it| Arc::clone(&it.endpoint));
        found.ok_or_else(|| {
            Report::new(Kind::Input, format!("no webhook {name:?} is configured"))
                .hint("`musicfs webhook list` shows those that are")
        })
    }
}

/// What an endpoint's task is called.
fn task_name(name: &str) -> String {
    format!("{TASK_PREFIX}{name}")
}

impl Shared {
    async fn ledger(&self) -> Result<&Ledger> {
        let open = || async {
            let running: Vec<Running> = self.running.lock().values().cloned().collect();
            let mut presents = Vec::with_capacity(running.len());
            for it in running {
                let present = place::at(&*self.store, it.present).await?;
                presents.push((it.endpoint.name.clone(), present));
            }
            Ledger::open(&self.file, &presents).await
        };
        self.ledger.get_or_try_init(open).await
    }

    async fn client(&self) -> Result<&Client> {
        self.client
            .get_or_try_init(|| async { Client::new() })
            .await
    }
}
