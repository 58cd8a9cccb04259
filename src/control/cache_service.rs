//! `CacheService`.

use std::sync::Arc;

use content::Key;
use eventlog::PinTarget;
use futures::StreamExt;
use futures::stream::BoxStream;
use proto::v1;
use proto::v1::cache_service_server::CacheService;
use tonic::{Code, Request, Response, Status};

use super::{Engine, cache, collection, prefetch, problem};
use crate::cache::pins::Pins;
use crate::cache::survey::Survey;
use crate::library::LibraryError;
use crate::report::{Kind, Report, Result};

/// Missing tracks of a pin in an answer, unless told otherwise, and at most.
const PAGE: u32 = 100;
const MOST: u32 = 10_000;

pub(super) struct Cache(Engine);

impl Cache {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }

    /// Does what waits for a disk on a thread for that.
    async fn outside<T: Send + 'static>(
        &self,
        work: impl FnOnce(Engine) -> Result<T> + Send + 'static,
    ) -> Result<T, Status> {
        let engine = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(engine)).await;
        let done = done.map_err(|error| Report::new(Kind::Bug, error.to_string()));
        done.flatten().map_err(|report| problem::sent(&report))
    }

    /// The pins, or that one only; each with some of what is missing of it.
    async fn pins(
        &self,
        only: Option<PinTarget>,
        limit: u32,
    ) -> Result<Vec<v1::PinStatus>, Status> {
        let limit = match limit {
            0 => PAGE,
            limit => limit.min(MOST),
        };
        self.outside(move |engine| {
            let Survey { mut pins, .. } = engine.pins.look()?;
            pins.retain(|pin| only.as_ref().is_none_or(|only| *only == pin.row.target));
            let tree = engine.views.tree();
            let idle = Pins::idle(&engine.content);
            let problem = |file: &Key| {
                let own = engine.pins.problem(file);
                own.or_else(|| idle.map(str::to_owned))
            };
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let told = pins
                .iter()
                .map(|pin| cache::pin(pin, &tree, problem, limit));
            told.collect()
        })
        .await
    }
}

#[tonic::async_trait]
impl CacheService for Cache {
    async fn get_cache_stats(
        &self,
        _: Request<v1::GetCacheStatsRequest>,
    ) -> Result<Response<v1::GetCacheStatsResponse>, Status> {
        let stats = self.outside(|engine| {
            let pins = engine.pins.look()?.counts;
            let stats = cache::stats(&engine.content, Some(engine.content.figures()), pins)?;
            let problem = engine.cache_problem.as_deref().unwrap_or_default();
            Ok(v1::GetCacheStatsResponse {
                problem: problem.to_owned(),
                prefetch: Some(prefetch::counts(engine.prefetch.figures())),
                ..stats
            })
        });
        Ok(Response::new(stats.await?))
    }

    async fn clear_cache(
        &self,
        request: Request<v1::ClearCacheRequest>,
    ) -> Result<Response<v1::ClearCacheResponse>, Status> {
        let pinned = match v1::ClearExtent::try_from(request.into_inner().extent) {
            Ok(v1::ClearExtent::Unspecified | v1::ClearExtent::Unpinned) => false,
            Ok(v1::ClearExtent::All) => true,
            Err(error) => return Err(wrong(&error)),
        };
        let cleared = self.outside(move |engine| {
            // What was pinned a moment ago stays, too.
            let survey = engine.pins.look()?;
            if !pinned {
                survey.told()?;
            }
            if !pinned && !engine.pins.is_known() {
                return Err(Report::new(
                    Kind::Busy,
                    "what is pinned is not known yet: views are being built",
                )
                .hint("see `musicfs status`, and ask again later"));
            }
            let freed = engine.content.clear(pinned);
            let freed_bytes = freed.map_err(|error| cache::unusable(&error))?;
            engine.pins.look_again();
            tracing::info!("{freed_bytes} bytes of the cache were dropped");
            Ok(v1::ClearCacheResponse {
                freed_bytes,
                bytes: engine.content.bytes(),
            })
        });
        Ok(Response::new(cleared.await?))
    }

    type VerifyCacheStream = BoxStream<'static, Result<v1::VerifyCacheResponse, Status>>;

    async fn verify_cache(
        &self,
        request: Request<v1::VerifyCacheRequest>,
    ) -> Result<Response<Self::VerifyCacheStream>, Status> {
        let repair = match v1::VerifyMode::try_from(request.into_inner().mode) {
            Ok(v1::VerifyMode::Unspecified | v1::VerifyMode::Drop) => false,
            Ok(v1::VerifyMode::Repair) => true,
            Err(error) => return Err(wrong(&error)),
        };
        let Engine { content, pins, .. } = &self.0;
        let pins = Arc::clone(pins);
        let sources = repair.then(|| self.0.sources.clone());
        let updates = cache::verify(content.clone(), sources, move || pins.look_again());
        let updates = updates.map(|update| update.map_err(|error| problem::sent(&error)));
        Ok(Response::new(updates.boxed()))
    }

    async fn pin(
        &self,
        request: Request<v1::PinRequest>,
    ) -> Result<Response<v1::PinResponse>, Status> {
        let target = cache::target(request.into_inner().target);
        let target = target.map_err(|error| problem::sent(&error))?;
        if let PinTarget::Collection(name) = &target {
            let (name, collections) = (name.clone(), self.0.collections.clone());
            self.outside(move |_| collection::named(&collections, name.as_str()).map(drop))
                .await?;
        }
        let pinned = self.0.library.pin(target.clone()).await;
        let position = pinned.map_err(problem::refused)?.0;
        let pin = self.pins(Some(target), PAGE).await?.pop();
        Ok(Response::new(v1::PinResponse { pin, position }))
    }

    async fn unpin(
        &self,
        request: Request<v1::UnpinRequest>,
    ) -> Result<Response<v1::UnpinResponse>, Status> {
        let target = cache::target(request.into_inner().target);
        let target = target.map_err(|error| problem::sent(&error))?;
        let unpinned = self.0.library.unpin(target).await;
        let position = unpinned.map_err(problem::refused)?.0;
        Ok(Response::new(v1::UnpinResponse { position }))
    }

    async fn list_pins(
        &self,
        request: Request<v1::ListPinsRequest>,
    ) -> Result<Response<v1::ListPinsResponse>, Status> {
        let v1::ListPinsRequest { target, limit } = request.into_inner();
        let only = target.map(|target| cache::target(Some(target))).transpose();
        let only = only.map_err(|error| problem::sent(&error))?;
        let pins = self.pins(only.clone(), limit).await?;
        if let (Some(target), true) = (only, pins.is_empty()) {
            let report = Report::new(Kind::Input, format!("{target} is not pinned"))
                .hint("`musicfs cache list` shows what is");
            return Err(problem::as_code(Code::NotFound, &report));
        }
        let limit = self.0.content.limit();
        Ok(Response::new(v1::ListPinsResponse { pins, limit }))
    }

    type PrefetchStream = BoxStream<'static, Result<v1::PrefetchResponse, Status>>;

    async fn prefetch(
        &self,
        request: Request<v1::PrefetchRequest>,
    ) -> Result<Response<Self::PrefetchStream>, Status> {
        let v1::PrefetchRequest { path, wait } = request.into_inner();
        let path = cache::tree_path(&path).map_err(|error| problem::sent(&error))?;
        let there = path.clone();
        let asked = self.outside(move |engine| prefetch::ask(&engine, &there));
        let asked = asked.await?;
        let asked = asked.ok_or_else(|| problem::refused(LibraryError::NotInTree(path)))?;
        let told = prefetch::follow(&self.0, asked, wait);
        Ok(Response::new(told.map(Ok).boxed()))
    }
}

fn wrong(error: &dyn std::fmt::Display) -> Status {
    problem::sent(&Report::new(Kind::Input, error.to_string()))
}
