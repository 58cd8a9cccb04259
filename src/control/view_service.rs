//! `ViewService`.

use futures::StreamExt;
use futures::stream::BoxStream;
use proto::v1;
use proto::v1::view_service_server::ViewService;
use tonic::{Request, Response, Status};

use super::{Engine, problem, replay};

pub(super) struct ViewsService(Engine);

impl ViewsService {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

#[tonic::async_trait]
impl ViewService for ViewsService {
    type ReplayStream = BoxStream<'static, Result<v1::ReplayResponse, Status>>;

    async fn replay(
        &self,
        request: Request<v1::ReplayRequest>,
    ) -> Result<Response<Self::ReplayStream>, Status> {
        let v1::ReplayRequest { views, check } = request.into_inner();
        let names = replay::named(&views).map_err(|error| problem::sent(&error))?;
        let updates = replay::replay(
            self.0.views.clone(),
            Some(self.0.search.clone()),
            names,
            check,
        );
        Ok(Response::new(
            updates
                .map(|update| update.map_err(|error| problem::sent(&error)))
                .boxed(),
        ))
    }
}
