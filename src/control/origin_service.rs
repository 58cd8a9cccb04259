//! `OriginService`.

use std::time::{Duration, Instant};

use eventlog::OriginId;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::BoxStream;
use proto::v1;
use proto::v1::origin_service_server::OriginService;
use proto::v1::rescan_origin_response::Update;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{Engine, convert, problem};
use crate::config::{OriginConfig, id_for};
use crate::library::{LibraryError, Rescan, Rescanning};
use crate::report::{Kind, Report};
use crate::scan::ScanStatus;

/// How often a scan tells how far it is.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Origins(Engine);

impl Origins {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }

    /// The id that was asked for; every one where none was.
    fn ids(&self, asked: &str) -> Result<Vec<OriginId>, Status> {
        if !asked.is_empty() {
            return Ok(vec![parse_id(asked)?]);
        }
        let origins = self.0.library.origins().map_err(problem::refused)?;
        Ok(origins.into_iter().map(|(row, _)| row.id).collect())
    }

    /// The id that was asked for, or the one of an origin at that place, or a free one.
    fn id(&self, asked: &str, origin: &OriginConfig) -> Result<OriginId, Status> {
        if !asked.is_empty() {
            return parse_id(asked);
        }
        let known = self.0.library.origins().map_err(problem::refused)?;
        let same = origin.known_as(known.iter().map(|(row, _)| (&row.id, &row.spec)));
        Ok(same.unwrap_or_else(|| {
            id_for(&origin.root.last_part(), |id| {
                known.iter().any(|(row, _)| row.id == *id)
            })
        }))
    }
}

#[tonic::async_trait]
impl OriginService for Origins {
    async fn list_origins(
        &self,
        _: Request<v1::ListOriginsRequest>,
    ) -> Result<Response<v1::ListOriginsResponse>, Status> {
        let origins = self.0.library.origins().map_err(problem::refused)?;
        let origins = origins
            .iter()
            .map(|(row, state)| convert::origin(row, state))
            .collect();
        Ok(Response::new(v1::ListOriginsResponse { origins }))
    }

    async fn get_origin_health(
        &self,
        request: Request<v1::GetOriginHealthRequest>,
    ) -> Result<Response<v1::GetOriginHealthResponse>, Status> {
        let ids = self.ids(&request.into_inner().id)?;
        let library = &self.0.library;
        let checked = join_all(ids.iter().map(|id| library.check(id))).await;
        let origins = checked
            .into_iter()
            .map(|checked| checked.map(|(row, state)| convert::origin(&row, &state)))
            .collect::<Result<_, _>>();
        Ok(Response::new(v1::GetOriginHealthResponse {
            origins: origins.map_err(problem::refused)?,
        }))
    }

    async fn add_origin(
        &self,
        request: Request<v1::AddOriginRequest>,
    ) -> Result<Response<v1::AddOriginResponse>, Status> {
        let v1::AddOriginRequest {
            id,
            r#type,
            name,
            root,
            options,
        } = request.into_inner();
        let mut origin = OriginConfig::of_parts(&r#type, &root, options)
            .map_err(|problem| problem::sent(&Report::new(Kind::Input, problem)))?;
        origin.name = Some(name).filter(|name| !name.is_empty());
        let id = self.id(&id, &origin)?;
        let spec = origin.spec(&id);
        let position = self
            .0
            .library
            .add(id.clone(), spec)
            .await
            .map_err(problem::refused)?;
        Ok(Response::new(v1::AddOriginResponse {
            id: id.to_string(),
            position: position.0,
        }))
    }

    async fn remove_origin(
        &self,
        request: Request<v1::RemoveOriginRequest>,
    ) -> Result<Response<v1::RemoveOriginResponse>, Status> {
        let id = parse_id(&request.into_inner().id)?;
        let position = self.0.library.remove(id).await.map_err(problem::refused)?;
        Ok(Response::new(v1::RemoveOriginResponse {
            position: position.0,
        }))
    }

    type RescanOriginStream = BoxStream<'static, Result<v1::RescanOriginResponse, Status>>;

    async fn rescan_origin(
        &self,
        request: Request<v1::RescanOriginRequest>,
    ) -> Result<Response<Self::RescanOriginStream>, Status> {
        let v1::RescanOriginRequest {
            id,
            accept_removals,
            verify,
        } = request.into_inner();
        let ids = self.ids(&id)?;
        let rescan = Rescan {
            accept_removals,
            verify,
        };
        let alone = !id.is_empty();
        let mut asked = Vec::with_capacity(ids.len());
        for id in ids {
            let scan = self
                .0
                .library
                .rescan(&id, rescan)
                .await
                .map_err(problem::refused)?;
            asked.push(follow(self.0.clone(), id, scan, alone));
        }
        Ok(Response::new(futures::stream::select_all(asked).boxed()))
    }
}

fn parse_id(text: &str) -> Result<OriginId, Status> {
    text.parse()
        .map_err(|error| problem::sent(&Report::new(Kind::Input, format!("{error}"))))
}

/// A scan from being asked for to its end. One that fails ends the stream only where it is `alone`.
fn follow(
    engine: Engine,
    id: OriginId,
    scan: Rescanning,
    alone: bool,
) -> BoxStream<'static, Result<v1::RescanOriginResponse, Status>> {
    let message = |update| v1::RescanOriginResponse {
        update: Some(update),
    };
    let Rescanning {
        progress,
        mut summary,
    } = scan;
    async_stream::stream! {
        let waiting = v1::ScanPhase::Waiting.into();
        let waiting = v1::ScanProgress { origin: id.to_string(), phase: waiting, ..Default::default() };
        yield Ok(message(Update::Progress(waiting)));
        // Where the scan never begins, the summary says why.
        let mut progress: Option<watch::Receiver<ScanStatus>> = progress.await.ok();
        let ended = loop {
            if let Some(progress) = &progress {
                let now = convert::progress(&id, &progress.borrow().clone(), Instant::now());
                yield Ok(message(Update::Progress(now)));
            }
            tokio::select! {
                ended = &mut summary => break ended,
                () = changed(&mut progress) => {}
            }
        };
        yield match ended {
            Ok(Ok(summary)) => {
                let rows = engine.library.origins().unwrap_or_default();
                let row = rows.iter().map(|(row, _)| row).find(|row| row.id == id);
                Ok(message(Update::Summary(convert::summary(&id, &summary, row))))
            }
            Ok(Err(error)) if alone => Err(problem::sent(&Report::from(error))),
            Ok(Err(error)) => {
                let report = Report::from(error);
                Ok(message(Update::Failure(v1::ScanFailure {
                    origin: id.to_string(),
                    message: report.message().to_owned(),
                    hint: report.next_step().unwrap_or_default().to_owned(),
                })))
            }
            Err(_) => Err(problem::refused(LibraryError::Stopping)),
        };
    }
    .boxed()
}

/// Returns when there is something new to tell, but not sooner than the next tick.
async fn changed(progress: &mut Option<watch::Receiver<ScanStatus>>) {
    tokio::time::sleep(TICK).await;
    match progress {
        Some(receiver) => {
            if receiver.changed().await.is_err() {
                *progress = None;
            }
        }
        None => std::future::pending().await,
    }
}
