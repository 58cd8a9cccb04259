//! `ControlService`.

use proto::v1;
use proto::v1::control_service_server::ControlService;
use tonic::{Request, Response, Status};

use super::{Engine, problem, status};

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
}
