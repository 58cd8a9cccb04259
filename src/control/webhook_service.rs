//! `WebhookService`.

use eventlog::Position;
use proto::v1;
use proto::v1::webhook_service_server::WebhookService;
use tonic::{Request, Response, Status};

use super::{Engine, convert, problem};
use crate::webhooks::{Activity, Endpoint, Letter, Row, Which};

/// Dead letters in an answer, unless told otherwise.
const PAGE: u32 = 100;

/// The most that are told at once.
const MOST: u32 = 1_000;

pub(super) struct Hooks(Engine);

impl Hooks {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

#[tonic::async_trait]
impl WebhookService for Hooks {
    async fn list_webhooks(
        &self,
        _: Request<v1::ListWebhooksRequest>,
    ) -> Result<Response<v1::ListWebhooksResponse>, Status> {
        let rows = self.0.webhooks.list().await;
        let rows = rows.map_err(|error| problem::sent(&error))?;
        let head = self.0.store.head();
        let webhooks = rows.iter().map(|row| webhook(row, head)).collect();
        Ok(Response::new(v1::ListWebhooksResponse { webhooks }))
    }

    async fn test_webhook(
        &self,
        request: Request<v1::TestWebhookRequest>,
    ) -> Result<Response<v1::TestWebhookResponse>, Status> {
        let tested = self.0.webhooks.test(&request.get_ref().name).await;
        let tested = tested.map_err(|error| problem::sent(&error))?;
        Ok(Response::new(v1::TestWebhookResponse {
            ok: tested.problem.is_none(),
            problem: tested.problem.unwrap_or_default(),
            elapsed: Some(convert::duration(tested.elapsed)),
        }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let asked = request.into_inner();
        let which = Which {
            endpoint: &asked.webhook,
            ids: &[],
        };
        let limit = match asked.limit {
            0 => PAGE,
            limit => limit.min(MOST),
        };
        let letters = self.0.webhooks.letters(which, asked.after, limit).await;
        let letters = letters.map_err(|error| problem::sent(&error))?;
        Ok(Response::new(v1::ListDeadLettersResponse {
            dead_letters: letters.iter().map(letter).collect(),
        }))
    }

    async fn retry_dead_letters(
        &self,
        request: Request<v1::RetryDeadLettersRequest>,
    ) -> Result<Response<v1::RetryDeadLettersResponse>, Status> {
        let asked = request.into_inner();
        let which = Which {
            endpoint: &asked.webhook,
            ids: &asked.ids,
        };
        let retried = self.0.webhooks.retry(which).await;
        let retried = retried.map_err(|error| problem::sent(&error))?;
        Ok(Response::new(v1::RetryDeadLettersResponse {
            delivered: retried.delivered,
            failed: retried.failed,
            left: retried.left,
        }))
    }

    async fn drop_dead_letters(
        &self,
        request: Request<v1::DropDeadLettersRequest>,
    ) -> Result<Response<v1::DropDeadLettersResponse>, Status> {
        let asked = request.into_inner();
        let which = Which {
            endpoint: &asked.webhook,
            ids: &asked.ids,
        };
        let dropped = self.0.webhooks.drop_letters(which).await;
        let dropped = dropped.map_err(|error| problem::sent(&error))?;
        Ok(Response::new(v1::DropDeadLettersResponse { dropped }))
    }
}

/// A webhook and how it is doing.
fn webhook(row: &Row, head: Position) -> v1::Webhook {
    let figures = &row.figures;
    let endpoint = row.endpoint.as_deref();
    let position = figures.position.unwrap_or_default();
    let next_try = match figures.activity {
        Activity::Waiting { until, .. } => Some(convert::time(until)),
        Activity::Idle | Activity::Delivering => None,
    };
    let state = match (endpoint, figures.activity) {
        (None, _) => v1::WebhookState::Unspecified,
        (Some(_), Activity::Idle) => v1::WebhookState::Idle,
        (Some(_), Activity::Delivering) => v1::WebhookState::Delivering,
        (Some(_), Activity::Waiting { .. }) => v1::WebhookState::Waiting,
    };
    v1::Webhook {
        name: row.name.clone(),
        configured: endpoint.is_some(),
        format: endpoint.map_or("", |it| it.format()).to_owned(),
        url: endpoint.map(Endpoint::shown_address).unwrap_or_default(),
        position: position.0,
        lag: head.0.saturating_sub(position.0),
        state: state.into(),
        delivered: figures.delivered,
        failed: figures.failed,
        parked: figures.parked,
        dead_letters: figures.letters,
        problem: figures.problem.clone().unwrap_or_default(),
        last_delivery: figures.last_delivery.map(convert::time),
        next_try,
    }
}

fn letter(letter: &Letter) -> v1::DeadLetter {
    v1::DeadLetter {
        id: letter.id,
        webhook: letter.endpoint.clone(),
        position: letter.position.0,
        folders: letter.folders().into_iter().map(str::to_owned).collect(),
        attempts: letter.attempts,
        problem: letter.problem.clone(),
        parked_at: Some(convert::time(letter.parked_at)),
    }
}
