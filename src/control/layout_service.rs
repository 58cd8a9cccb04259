//! `LayoutService`.

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use proto::v1;
use proto::v1::layout_service_server::LayoutService;
use tonic::{Request, Response, Status};

use super::{Engine, problem};
use crate::library::LibraryError;
use crate::report::{Kind, Report};

pub(super) struct Layouts(Engine);

impl Layouts {
    pub(super) const fn new(engine: Engine) -> Self {
        Self(engine)
    }

    fn now(&self) -> Result<LayoutSpec, Status> {
        let layout = self.0.views.catalog().layout();
        layout.map_err(|error| problem::refused(LibraryError::View(error)))
    }
}

#[tonic::async_trait]
impl LayoutService for Layouts {
    async fn get_layout(
        &self,
        _: Request<v1::GetLayoutRequest>,
    ) -> Result<Response<v1::GetLayoutResponse>, Status> {
        let LayoutSpec {
            template,
            names,
            duplicates,
        } = self.now()?;
        let names = match names {
            NameProfile::Posix => v1::NameProfile::Posix,
            NameProfile::Windows => v1::NameProfile::Windows,
        };
        let duplicates = match duplicates {
            Duplicates::Content => v1::Duplicates::Content,
            Duplicates::Tags => v1::Duplicates::Tags,
            Duplicates::All => v1::Duplicates::All,
        };
        let layout = Some(v1::Layout {
            template,
            names: names.into(),
            duplicates: duplicates.into(),
        });
        Ok(Response::new(v1::GetLayoutResponse { layout }))
    }

    async fn set_layout(
        &self,
        request: Request<v1::SetLayoutRequest>,
    ) -> Result<Response<v1::SetLayoutResponse>, Status> {
        let asked = request.into_inner().layout.unwrap_or_default();
        let now = self.now()?;
        let names = match v1::NameProfile::try_from(asked.names) {
            Ok(v1::NameProfile::Unspecified) => now.names,
            Ok(v1::NameProfile::Posix) => NameProfile::Posix,
            Ok(v1::NameProfile::Windows) => NameProfile::Windows,
            Err(error) => return Err(unknown(&error)),
        };
        let duplicates = match v1::Duplicates::try_from(asked.duplicates) {
            Ok(v1::Duplicates::Unspecified) => now.duplicates,
            Ok(v1::Duplicates::Content) => Duplicates::Content,
            Ok(v1::Duplicates::Tags) => Duplicates::Tags,
            Ok(v1::Duplicates::All) => Duplicates::All,
            Err(error) => return Err(unknown(&error)),
        };
        let template = match asked.template {
            empty if empty.is_empty() => now.template,
            template => template,
        };
        let layout = LayoutSpec {
            template,
            names,
            duplicates,
        };
        let set = self.0.library.set_layout(layout).await;
        Ok(Response::new(v1::SetLayoutResponse {
            position: set.map_err(problem::refused)?.0,
        }))
    }
}

/// A number that only a newer client sends.
fn unknown(error: &impl ToString) -> Status {
    problem::sent(&Report::new(Kind::Input, error.to_string()))
}
