//! Sends requests, one at a time and endpoint.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::redirect::Policy;
use rustls::crypto::ring;

use super::answer::{Answer, Outcome, judge};
use super::endpoint::Endpoint;
use super::request::{self, Circumstances, Message, Request};
use super::subsonic;
use crate::report::{Kind, Report, Result};

/// So much of an answer is read: enough for what Navidrome says.
const MOST: usize = 64 << 10;

/// How long Navidrome is left alone while it scans.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// What came of sending a message once.
#[derive(Debug)]
pub(super) enum Sent {
    /// It was sent.
    Judged(Outcome),
    /// It was not, since the receiver is at work and would forget it.
    Busy,
}

/// An HTTP client over rustls: no proxy, no redirect, no cookie.
#[derive(Debug, Clone)]
pub(super) struct Client(reqwest::Client);

impl Client {
    /// A client that trusts what the system trusts. Where the system has no certificates, nobody is
    /// trusted over HTTPS, and HTTP goes on working.
    ///
    /// # Errors
    /// [`Kind::Machine`] where there can be no client at all.
    pub(super) fn new() -> Result<Self> {
        // Which implementation of TLS's primitives the whole process uses; the first call counts.
        drop(ring::default_provider().install_default());
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("MusicFS/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .no_proxy()
                .pool_max_idle_per_host(1)
        };
        let client = builder().build().or_else(|error| {
            tracing::warn!("no webhook can be told over https: {}", chain(&error));
            builder().tls_certs_only([]).build()
        });
        client.map(Self).map_err(|error| {
            let why = chain(&error);
            Report::new(Kind::Machine, format!("webhooks cannot be sent: {why}"))
        })
    }

    /// Sends a message once.
    pub(super) async fn send(&self, endpoint: &Endpoint, message: &Message) -> Sent {
        let with = || Circumstances {
            now: SystemTime::now(),
            salt: fastrand::u64(..),
        };
        if let Some(question) = request::before(endpoint, message, with()) {
            // Whatever else it answers shows better when it is asked to scan.
            let answer = self.exchange(question, endpoint.timeout).await;
            if answer.is_ok_and(|answer| subsonic::is_scanning(&answer.body)) {
                return Sent::Busy;
            }
        }
        let request = request::request(endpoint, message, with());
        Sent::Judged(match self.exchange(request, endpoint.timeout).await {
            Ok(answer) => judge(&endpoint.target, &answer, SystemTime::now()),
            Err(problem) => Outcome::Later {
                problem,
                after: None,
            },
        })
    }

    /// The answer, or why there is none; without the address, which may hold what is secret.
    async fn exchange(&self, request: Request, limit: Duration) -> Result<Answer, String> {
        let problem = |error: reqwest::Error| told(&error.without_url(), limit);
        let Request {
            method,
            url,
            headers,
            body,
        } = request;
        let mut sending = self.0.request(method, url).timeout(limit).body(body);
        for (name, value) in headers {
            sending = sending.header(name, value);
        }
        let mut response = sending.send().await.map_err(problem)?;
        let retry_after = response.headers().get("Retry-After");
        let mut answer = Answer {
            status: response.status(),
            retry_after: retry_after.and_then(|value| Some(value.to_str().ok()?.to_owned())),
            body: Vec::new(),
        };
        // Read to its end, where it is near, so that the connection can be used again.
        while let Some(chunk) = response.chunk().await.map_err(problem)? {
            let room = MOST.saturating_sub(answer.body.len());
            answer.body.extend(chunk.iter().take(room));
            if room == 0 {
                break;
            }
        }
        Ok(answer)
    }
}

/// An error for people.
fn told(error: &reqwest::Error, limit: Duration) -> String {
    if error.is_timeout() {
        return format!("it did not answer within {} s", limit.as_secs());
    }
    chain(error)
}

/// An error and its causes, the last of which tells most.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(error) = at {
        let part = error.to_string();
        // Many repeat what is below them.
        if !parts.iter().any(|known| known.contains(&part)) {
            parts.push(part);
        }
        at = error.source();
    }
    parts.join(": ")
}
