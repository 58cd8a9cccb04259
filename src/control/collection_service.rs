//! `CollectionService`.

use proto::v1;
use proto::v1::collection_service_server::CollectionService;
use tonic::{Code, Request, Response, Status};

use super::{Engine, collection, problem};
use crate::collections::Collections;
use crate::report::{Kind, Report, Result};

pub(super) struct Kept(Engine);

impl Kept {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }

    /// Does what reads the views on a thread for that.
    async fn outside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Collections) -> Result<T> + Send + 'static,
    ) -> Result<T, Status> {
        let collections = self.0.collections.clone();
        let done = tokio::task::spawn_blocking(move || work(&collections)).await;
        let done = done.map_err(|error| Report::new(Kind::Bug, error.to_string()));
        done.flatten().map_err(|report| problem::sent(&report))
    }
}

#[tonic::async_trait]
impl CollectionService for Kept {
    async fn list_collections(
        &self,
        _: Request<v1::ListCollectionsRequest>,
    ) -> Result<Response<v1::ListCollectionsResponse>, Status> {
        Ok(Response::new(self.outside(collection::list).await?))
    }

    async fn get_collection(
        &self,
        request: Request<v1::GetCollectionRequest>,
    ) -> Result<Response<v1::GetCollectionResponse>, Status> {
        let asked = request.into_inner();
        let name = asked.name.clone();
        let is_there = self.outside(move |all| Ok(collection::named(all, &name)));
        if let Err(report) = is_there.await? {
            return Err(problem::as_code(Code::NotFound, &report));
        }
        let got = self.outside(move |collections| collection::get(collections, &asked));
        Ok(Response::new(got.await?))
    }

    async fn define_collection(
        &self,
        request: Request<v1::DefineCollectionRequest>,
    ) -> Result<Response<v1::DefineCollectionResponse>, Status> {
        let asked = request.into_inner();
        let wanted = collection::wanted(&self.0.collections, &asked);
        let (name, query) = wanted.map_err(|report| problem::sent(&report))?;
        let called = name.clone();
        let defined = self.0.library.define_collection(name, &query).await;
        let position = defined.map_err(problem::refused)?.0;
        let made = self.outside(move |all| collection::named(all, called.as_str()));
        Ok(Response::new(v1::DefineCollectionResponse {
            position,
            collection: Some(collection::collection(&made.await?)),
        }))
    }

    async fn remove_collection(
        &self,
        request: Request<v1::RemoveCollectionRequest>,
    ) -> Result<Response<v1::RemoveCollectionResponse>, Status> {
        let asked = request.into_inner();
        let name = collection::name(&self.0.collections, &asked.name);
        let name = name.map_err(|report| problem::sent(&report))?;
        let removed = self.0.library.remove_collection(name).await;
        let position = removed.map_err(problem::refused)?.0;
        Ok(Response::new(v1::RemoveCollectionResponse { position }))
    }
}
