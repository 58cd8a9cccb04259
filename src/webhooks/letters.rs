//! What was put aside: shown, tried again, thrown away.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::answer::Outcome;
use super::client::{Client, Sent};
use super::ledger::{Ledger, Letter, PAGE, Which};
use super::request::Message;
use super::{Endpoint, Webhooks, place};
use crate::control::event;
use crate::control::feed::complete;
use crate::report::{Kind, Report, Result};

/// What came of trying letters again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// Letters that were taken, and are gone.
    pub delivered: u64,
    /// Letters that were refused again, or whose event the log does not have.
    pub failed: u64,
    /// Letters that were not tried, since their receiver did not take an earlier one, or is not
    /// configured any more.
    pub left: u64,
}

impl Webhooks {
    /// The letters that are meant and whose numbers are above `after`, by number, at most `limit`.
    ///
    /// # Errors
    /// [`Kind::Input`] where nothing is known of the webhook; where the ledger cannot be read.
    pub async fn letters(&self, which: Which<'_>, after: i64, limit: u32) -> Result<Vec<Letter>> {
        self.known(which.endpoint).await?;
        self.0.ledger().await?.letters(which, after, limit).await
    }

    /// Tries letters again, each once, in order. A receiver that is not there is not asked for each of
    /// its letters.
    ///
    /// # Errors
    /// [`Kind::Input`] where a webhook is named that is not configured, or a number that no letter of
    /// it has; where the ledger or the log cannot be read.
    pub async fn retry(&self, which: Which<'_>) -> Result<Retried> {
        if !which.endpoint.is_empty() {
            self.endpoint(which.endpoint)?;
        }
        let ledger = self.0.ledger().await?;
        there(ledger, which).await?;
        let client = self.0.client().await?;
        let mut retried = Retried::default();
        let mut absent: BTreeSet<String> = BTreeSet::new();
        let mut after = 0;
        loop {
            let letters = ledger.letters(which, after, PAGE).await?;
            let Some(last) = letters.last() else {
                return Ok(retried);
            };
            after = last.id;
            for letter in letters {
                let Ok(endpoint) = self.endpoint(&letter.endpoint) else {
                    retried.left += 1;
                    continue;
                };
                if absent.contains(&letter.endpoint) {
                    retried.left += 1;
                    continue;
                }
                match self.try_again(client, &endpoint, &letter).await? {
                    Outcome::Taken => {
                        retried.delivered += 1;
                        let one = Which {
                            endpoint: "",
                            ids: &[letter.id],
                        };
                        ledger.remove(one).await?;
                        self.count(&letter.endpoint).await?;
                    }
                    Outcome::Never { problem } => {
                        retried.failed += 1;
                        ledger.tried(letter.id, &problem).await?;
                    }
                    Outcome::Later { problem, .. } => {
                        retried.failed += 1;
                        ledger.tried(letter.id, &problem).await?;
                        absent.insert(letter.endpoint);
                    }
                }
            }
        }
    }

    async fn try_again(
        &self,
        client: &Client,
        endpoint: &Arc<Endpoint>,
        letter: &Letter,
    ) -> Result<Outcome> {
        let message = match &letter.folders {
            Some(folders) => Message::Folders(folders.clone()),
            None => match self.message(letter).await? {
                Some(message) => message,
                None => {
                    let position = letter.position.0;
                    let problem = format!(
                        "its event is not at position {position} of this log (restored, or \
                         repaired?); `musicfs webhook drop` throws it away"
                    );
                    return Ok(Outcome::Never { problem });
                }
            },
        };
        Ok(match client.send(endpoint, &message).await {
            Sent::Judged(outcome) => outcome,
            Sent::Busy => Outcome::Later {
                problem: "it is scanning; try again in a moment".to_owned(),
                after: None,
            },
        })
    }

    /// What tells of a letter's event; `None` where the log does not have it.
    async fn message(&self, letter: &Letter) -> Result<Option<Message>> {
        let found = place::event_at(&*self.0.store, letter.position).await?;
        let its_own = found.filter(|recorded| letter.event == Some(recorded.id));
        Ok(its_own.map(|recorded| {
            let mut event = event(&recorded);
            complete(&mut event, &self.0.views.catalog());
            Message::Event(Box::new(event))
        }))
    }

    /// Throws letters away; tells how many there were. Where all of an endpoint's are meant, one that
    /// is not configured any more is forgotten: should it come back, it begins anew.
    ///
    /// # Errors
    /// [`Kind::Input`] where nothing is known of the endpoint, or no letter of it has a number that is
    /// named; nothing is then thrown away.
    pub async fn drop_letters(&self, which: Which<'_>) -> Result<u64> {
        self.known(which.endpoint).await?;
        let ledger = self.0.ledger().await?;
        there(ledger, which).await?;
        let known = ledger.endpoints().await?;
        let dropped = ledger.remove(which).await?;
        for (name, ..) in &known {
            if self.endpoint(name).is_ok() {
                self.count(name).await?;
            } else if which.ids.is_empty() && (which.endpoint.is_empty() || which.endpoint == name)
            {
                ledger.forget(name).await?;
            }
        }
        Ok(dropped)
    }

    /// Refuses a name that neither the configuration has nor the ledger.
    async fn known(&self, name: &str) -> Result<()> {
        let remembered = self.0.ledger().await?.endpoints().await?;
        let is_remembered = remembered.iter().any(|(known, ..)| known == name);
        if name.is_empty() || is_remembered || self.endpoint(name).is_ok() {
            return Ok(());
        }
        let message = format!("nothing is known of a webhook {name:?}");
        Err(Report::new(Kind::Input, message)
            .hint("`musicfs webhook list` shows those that there are"))
    }

    /// Has the figures tell how many letters there are now.
    async fn count(&self, name: &str) -> Result<()> {
        let letters = self.0.ledger().await?.count(name).await?;
        if let Some(it) = self.0.running.lock().get(name) {
            it.figures.lock().letters = letters;
        }
        Ok(())
    }
}

/// Refuses numbers that no letter has which is meant.
async fn there(ledger: &Ledger, which: Which<'_>) -> Result<()> {
    let limit = u32::try_from(which.ids.len()).unwrap_or(u32::MAX);
    if limit == 0 {
        return Ok(());
    }
    let found: BTreeSet<i64> = ledger
        .letters(which, 0, limit)
        .await?
        .iter()
        .map(|letter| letter.id)
        .collect();
    let Some(missing) = which.ids.iter().find(|id| !found.contains(id)) else {
        return Ok(());
    };
    let message = match which.endpoint {
        "" => format!("there is no dead letter {missing}"),
        name => format!("there is no dead letter {missing} of {name}"),
    };
    Err(Report::new(Kind::Input, message)
        .hint("`musicfs webhook list` shows their numbers; one that was delivered is gone"))
}
