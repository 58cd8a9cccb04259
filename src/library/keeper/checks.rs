//! Checks of one origin, and what is told of them (ORG-8). What they mean, [`Vitals`] says.

use std::time::Duration;

use eventlog::Timestamp;
use origins::{
    ErrorKind, Guarded, Health, Origin, OriginError, Outcome, RefreshPolicy, Standing, Vitals,
};
use tokio::time::{Instant, sleep_until, timeout};

use super::super::connect::offline;
use super::super::{kinds, limits};
use super::{CHECK_LIMIT, Keeper};

/// How long an origin that is in doubt is left alone after a check: its calls may fail by the hundred.
const RESPITE: Duration = Duration::from_secs(5);

/// An origin's life signs, and when they were last looked at.
pub(in crate::library) struct Pulse {
    vitals: Vitals,
    last: Instant,
}

impl Pulse {
    pub(in crate::library) fn new(vitals: Vitals) -> Self {
        let last = Instant::now();
        Self { vitals, last }
    }
}

impl Keeper {
    /// Asks the origin whether it is there. Fails once it is given up; before that, it is degraded.
    pub(super) async fn check(&self, origin: &Guarded) -> Result<(), OriginError> {
        let began = Instant::now();
        let answer = timeout(CHECK_LIMIT, origin.check())
            .await
            .unwrap_or_else(|_| Err(offline(format!("no answer within {CHECK_LIMIT:?}"))));
        let Err(error) = answer else {
            self.note(Outcome::Answered(began.elapsed()), None, Vitals::note);
            return Ok(());
        };
        let outcome = self.outcome(&error).await;
        match self.note(outcome, Some(&error), Vitals::note) {
            Health::Unhealthy => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes in that the origin is lost, or cannot be had. Returns how long to wait until the next
    /// attempt.
    pub(super) async fn down(&self, error: &OriginError) -> Duration {
        let outcome = self.outcome(error).await;
        self.note(outcome, Some(error), Vitals::lose);
        self.pulse.lock().vitals.again(self.outlook.is_offline())
    }

    /// Returns when the next check is due, somebody asks for one, or calls make it doubtful whether
    /// the origin is there.
    pub(super) async fn when_to_check(&self, origin: &Guarded) {
        let (last, again) = {
            let pulse = self.pulse.lock();
            (pulse.last, pulse.vitals.again(self.outlook.is_offline()))
        };
        let doubts = origin.doubts();
        let doubted = async {
            sleep_until(last + RESPITE).await;
            doubts.notified().await;
        };
        tokio::select! {
            () = sleep_until(last + again) => {}
            () = self.checks.notified() => {}
            () = doubted => {}
        }
    }

    /// Returns once the origin is given up.
    pub(super) async fn lost(&self, origin: &Guarded) -> OriginError {
        loop {
            self.when_to_check(origin).await;
            if let Err(error) = self.check(origin).await {
                return error;
            }
        }
    }

    /// What a failed check says of the origin.
    async fn outcome(&self, error: &OriginError) -> Outcome {
        match error.kind {
            ErrorKind::Denied => Outcome::Denied,
            // It is there, and has too much to do.
            ErrorKind::Throttled { .. } => Outcome::Answered(CHECK_LIMIT),
            ErrorKind::Offline if !self.resolves().await => Outcome::Unresolved,
            _ => Outcome::Silent,
        }
    }

    /// True unless the address of the origin's server is not to be had.
    async fn resolves(&self) -> bool {
        let Some(host) = kinds::host(&self.spec) else {
            return true;
        };
        let looked = timeout(CHECK_LIMIT, tokio::net::lookup_host((host, 0))).await;
        matches!(looked, Ok(Ok(_)))
    }

    /// Takes in how a check went, and tells everybody.
    fn note(
        &self,
        outcome: Outcome,
        error: Option<&OriginError>,
        how: fn(&mut Vitals, Outcome),
    ) -> Health {
        let (health, down, median) = {
            let mut pulse = self.pulse.lock();
            pulse.last = Instant::now();
            how(&mut pulse.vitals, outcome);
            let vitals = &pulse.vitals;
            (vitals.health(), vitals.is_down(), vitals.median())
        };
        let why = error.map(|error| match outcome {
            Outcome::Unresolved => format!("{error}; the name of its server is not resolved"),
            _ => error.message.clone(),
        });
        let priority = limits::priority(&self.spec);
        self.publish.send_modify(|state| {
            let before = state.answering();
            if state.answers(health, why.clone()) {
                self.tell(before, health, why.as_deref().unwrap_or_default());
            }
            state.settled |= down || self.policy() == RefreshPolicy::Never;
            state.down = down;
            if let Outcome::Answered(latency) = outcome {
                state.latency = Some(latency);
            }
            state.median = median;
            state.priority = priority;
            state.last_check = Some(Timestamp::now());
        });
        let standing = Standing {
            health,
            priority,
            latency: median,
        };
        self.registry.judge(&self.id, standing);
        health
    }

    /// Logs how the origin answers from now on. While none does, one line tells of all.
    fn tell(&self, before: Health, now: Health, why: &str) {
        let id = &self.id;
        match now {
            Health::Healthy => tracing::info!(origin = %id, "origin reachable"),
            _ if before == now && self.outlook.is_offline() => {
                tracing::debug!(origin = %id, "still unreachable: {why}");
            }
            Health::Degraded => tracing::warn!(origin = %id, "origin answers badly: {why}"),
            _ => tracing::warn!(origin = %id, "origin unreachable: {why}"),
        }
    }
}
