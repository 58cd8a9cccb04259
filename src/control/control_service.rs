//! `ControlService`.

use std::sync::Arc;

use proto::v1;
use proto::v1::control_service_server::ControlService;
use tonic::{Request, Response, Status};

use super::{Engine, problem, status};
use crate::library::LibraryError;
use crate::report::Report;

pub(super) struct Control(Engine);

impl Control {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

#[tonic::async_trait]
impl ControlService for Control {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let status = status::running(&self.0).map_err(|error| problem::sent(&error))?;
        Ok(Response::new(status))
    }

    async fn shutdown(
        &self,
        _: Request<v1::ShutdownRequest>,
    ) -> Result<Response<v1::ShutdownResponse>, Status> {
        tracing::info!("asked to shut down");
        self.0.shutdown.cancel();
        Ok(Response::new(v1::ShutdownResponse {
            pid: std::process::id(),
        }))
    }

    async fn reload(
        &self,
        _: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        let reloader = Arc::clone(&self.0.reloader);
        // Runs to its end even where the client goes away: nothing is to be half in force.
        let reload = async move { reloader.reload().await };
        let outcome = (self.0.supervisor.finish(reload).await)
            .ok_or_else(|| problem::refused(LibraryError::Stopping))?
            .map_err(|report| problem::sent(&report))?;
        let texts = |keys: Vec<&str>| keys.into_iter().map(str::to_owned).collect();
        let refusal = |report: &Report| v1::Refusal {
            message: report.message().to_owned(),
            hint: report.next_step().unwrap_or_default().to_owned(),
        };
        Ok(Response::new(v1::ReloadResponse {
            applied: texts(outcome.applied),
            restart: texts(outcome.restart),
            refused: outcome.refused.iter().map(refusal).collect(),
            notes: outcome.notes,
        }))
    }
}
