//! Changes of a library: its origins and its layout.

use std::sync::Arc;
use std::time::Duration;

use eventlog::event::{LayoutSpec, OriginSpec, ScanReason};
use eventlog::{CauseId, Event, OriginId, Position};
use projections::layout::Layout;
use projections::{OriginRow, ViewError};

use super::{Library, LibraryError, Refused, root};
use crate::config::{self, OriginConfig};

/// How long the views may take to show what was changed.
const PATIENCE: Duration = Duration::from_secs(30);

impl Library {
    /// Adds the origins of a configuration, and changes those that are otherwise; none is removed.
    /// Returns those that will not do; they stay as they are.
    ///
    /// # Errors
    /// Where the log takes no events or the views cannot be read.
    pub async fn configure_all(
        &self,
        configured: &[OriginConfig],
    ) -> Result<Vec<Refused>, LibraryError> {
        let _turn = self.changing.lock().await;
        let rows = self.scanner.views.catalog().origins()?.into_iter();
        let known: Vec<_> = rows.map(|row| (row.id, row.spec)).collect();
        let mut refused = Vec::new();
        for (id, spec) in config::resolve(configured, &known) {
            let root = spec.root.clone();
            match self.configure(id.clone(), spec).await {
                Ok(_) => {}
                // The next attempt may find the disk with space again.
                Err(error @ (LibraryError::Log(_) | LibraryError::View(_))) => return Err(error),
                Err(error) => refused.push(Refused { id, root, error }),
            }
        }
        Ok(refused)
    }

    /// Puts the layout that the configuration names in force; no other can be set as long as it
    /// does. Where it names none, the layout stays, and is free to be set.
    ///
    /// # Errors
    /// Where the log takes no events or the views cannot be read.
    pub async fn name_layout(&self, layout: Option<&LayoutSpec>) -> Result<(), LibraryError> {
        let _turn = self.changing.lock().await;
        if let Some(layout) = layout {
            self.lay_out(layout.clone()).await?;
        }
        *self.configured.lock() = layout.cloned();
        Ok(())
    }

    /// Puts a layout in force. Returns the position up to which the tree then is.
    ///
    /// # Errors
    /// Where the template cannot be used, or the configuration names a layout.
    pub async fn set_layout(
        self: &Arc<Self>,
        layout: LayoutSpec,
    ) -> Result<Position, LibraryError> {
        Layout::of(&layout)?;
        self.change(|library| async move {
            let named = library.configured.lock().clone();
            if named.is_some_and(|named| named != layout) {
                return Err(LibraryError::Configured);
            }
            let position = library.lay_out(layout).await?;
            library.reach(position).await?;
            Ok(position)
        })
        .await
    }

    /// Makes one change of the library after the other, each to its end: whoever asked for it may be
    /// gone before, and would leave half of it behind.
    pub(super) async fn change<F>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<Position, LibraryError>
    where
        F: Future<Output = Result<Position, LibraryError>> + Send,
    {
        let library = Arc::clone(self);
        let changed = self.supervisor.finish(async move {
            // Ids are not given out before the highest one is known.
            library.begun.cancelled().await;
            let _turn = library.changing.lock().await;
            work(Arc::clone(&library)).await
        });
        changed.await.unwrap_or(Err(LibraryError::Stopping))
    }

    /// Returns once the views are as far as that. One that cannot go on, as on a full disk, keeps
    /// nobody for ever.
    pub(super) async fn reach(&self, position: Position) -> Result<(), LibraryError> {
        Self::in_time(self.scanner.views.wait_for(position)).await
    }

    /// Waits for views, but not for ever.
    pub(super) async fn in_time(
        reached: impl Future<Output = Result<(), ViewError>>,
    ) -> Result<(), LibraryError> {
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(reached) => Ok(reached?),
            Err(_) => Err(LibraryError::Behind),
        }
    }

    async fn lay_out(&self, layout: LayoutSpec) -> Result<Position, LibraryError> {
        let (views, writer) = (&self.scanner.views, &self.scanner.writer);
        self.reach(writer.store().head()).await?;
        if views.catalog().layout()? == layout {
            return Ok(writer.store().head());
        }
        tracing::info!(template = layout.template, "the layout changes");
        let changed = Event::LayoutChanged { layout };
        Ok(writer.record(changed, CauseId::generate()).await?)
    }

    /// Adds an origin, or changes the name and options of one. Returns the log's position.
    ///
    /// # Errors
    /// Where the id is taken by another folder, or the root will not do.
    pub async fn add(
        self: &Arc<Self>,
        id: OriginId,
        spec: OriginSpec,
    ) -> Result<Position, LibraryError> {
        self.change(|library| async move {
            library.reach(library.scanner.writer.store().head()).await?;
            match library.row(&id)? {
                Some(row) if row.spec.root != spec.root => Err(LibraryError::Exists(id)),
                _ => library.configure(id, spec).await,
            }
        })
        .await
    }

    /// Makes an origin what it is described to be: new, changed, or as it was.
    async fn configure(&self, id: OriginId, spec: OriginSpec) -> Result<Position, LibraryError> {
        let writer = &self.scanner.writer;
        let known = self.row(&id)?;
        if known.as_ref().is_some_and(|row| row.spec == spec) {
            return Ok(writer.store().head());
        }
        root::check(&spec, &self.mountpoint).await?;
        let origins = self.scanner.views.catalog().origins()?;
        let others = origins.iter().filter(|row| row.id != id);
        if let Some(other) = root::overlapping(&spec, others).await {
            let (origin, root) = (other.id.clone(), root::shown(&spec).to_owned());
            return Err(LibraryError::Overlaps { origin, root });
        }
        let reason = if known.is_some() {
            ScanReason::Started
        } else {
            ScanReason::Added
        };
        self.halt(&id).await;
        let (origin, to) = (id.clone(), spec.clone());
        let event = match known {
            Some(_) => Event::OriginChanged { origin, spec: to },
            None => Event::OriginAdded { origin, spec: to },
        };
        let recorded = writer.record(event, CauseId::generate()).await;
        let position = recorded.inspect_err(|_| self.run_as_before(known.as_ref()))?;
        let reached = self.reach(position).await;
        tracing::info!(origin = %id, "origin {}", if reason == ScanReason::Added { "added" } else { "changed" });
        self.run(id, spec, reason);
        reached.map(|()| position)
    }

    /// Goes on with an origin that could not be changed.
    fn run_as_before(&self, known: Option<&OriginRow>) {
        if let Some(row) = known {
            self.run(row.id.clone(), row.spec.clone(), ScanReason::Started);
        }
    }

    /// Removes an origin; its tracks leave the tree, their history stays.
    ///
    /// # Errors
    /// Where there is no such origin.
    pub async fn remove(self: &Arc<Self>, id: OriginId) -> Result<Position, LibraryError> {
        self.change(|library| async move {
            let Some(known) = library.row(&id)? else {
                return Err(LibraryError::Unknown(id));
            };
            library.halt(&id).await;
            let event = Event::OriginRemoved { origin: id.clone() };
            let recorded = library.scanner.writer.record(event, CauseId::generate());
            let position = recorded
                .await
                .inspect_err(|_| library.run_as_before(Some(&known)))?;
            tracing::info!(origin = %id, "origin removed");
            library.reach(position).await?;
            Ok(position)
        })
        .await
    }
}
