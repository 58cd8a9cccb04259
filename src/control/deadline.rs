//! Deadlines: a call ends when the time that its caller gave it is over, also in the middle of a
//! stream (`grpc-timeout`, gRPC over HTTP/2). What it was doing is dropped; what has to be done to
//! its end belongs to the supervisor.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::problem;
use crate::report::{Kind, Report};

/// So much earlier than the caller's deadline ours is: the server's own clock, which would answer
/// with another code, counts in these steps.
const STEP: Duration = Duration::from_millis(1);

/// Ends calls at their deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines;

impl<S> Layer<S> for Deadlines {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited(inner)
    }
}

/// A service whose calls end at their deadline.
#[derive(Debug, Clone)]
pub(super) struct Limited<S>(S);

impl<S, Q, B> Service<Request<Q>> for Limited<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: 'static,
{
    type Response = Response<Timed<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let header = request.headers().get("grpc-timeout");
        let given = header.and_then(|header| parse(header.to_str().ok()?));
        let deadline = given.map(|given| Instant::now() + given.saturating_sub(STEP));
        let answer = self.0.call(request);
        Box::pin(async move {
            let Some(deadline) = deadline else {
                return Ok(answer.await?.map(|body| Timed::new(body, None)));
            };
            match tokio::time::timeout_at(deadline, answer).await {
                Ok(answer) => Ok(answer?.map(|body| Timed::new(body, Some(deadline)))),
                Err(_) => Ok(passed().into_http()),
            }
        })
    }
}

fn passed() -> Status {
    let report = Report::new(Kind::Busy, "the deadline of the call has passed")
        .hint("give it more time; a change that was begun may be made nevertheless");
    problem::as_code(Code::DeadlineExceeded, &report)
}

/// The duration of a `grpc-timeout`: up to eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// An answer that ends at a deadline, with a status that says so.
pub(super) struct Timed<B> {
    /// Dropped at the deadline, and what makes the answer with it.
    body: Option<Pin<Box<B>>>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> Timed<B> {
    fn new(body: B, deadline: Option<Instant>) -> Self {
        Self {
            body: Some(Box::pin(body)),
            deadline: deadline.map(|at| Box::pin(tokio::time::sleep_until(at))),
        }
    }
}

/// The body of an answer that is a status alone.
impl<B> Default for Timed<B> {
    fn default() -> Self {
        Self {
            body: None,
            deadline: None,
        }
    }
}

impl<B: Body> Body for Timed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        if let frame @ Poll::Ready(_) = body.as_mut().poll_frame(context) {
            return frame;
        }
        let deadline = self.deadline.as_mut();
        if deadline.is_none_or(|deadline| deadline.poll_unpin(context).is_pending()) {
            return Poll::Pending;
        }
        self.body = None;
        let mut trailers = HeaderMap::new();
        // Fails only for a message that no header can hold.
        drop(passed().add_header(&mut trailers));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_writes_them() {
        let cases = [
            ("2H", Some(Duration::from_secs(7_200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("82m", Some(Duration::from_millis(82))),
            ("1u", Some(Duration::from_micros(1))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("123456789n", None),
            ("+1S", None),
            ("1", None),
            ("S", None),
            ("", None),
            ("1é", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_ends_at_its_deadline() {
        let silent = tower::service_fn(|_: Request<()>| {
            std::future::pending::<Result<Response<String>, std::convert::Infallible>>()
        });
        let mut service = Deadlines.layer(silent);
        let request = Request::builder().header("grpc-timeout", "5S");
        let began = Instant::now();
        let answer = service.call(request.body(()).unwrap()).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(5) - STEP);
        assert_eq!(answer.headers()["grpc-status"], "4");
        assert!(answer.body().is_end_stream());
    }
}
