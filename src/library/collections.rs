//! Defining and removing collections: changes of the library like any other.

use std::sync::Arc;

use eventlog::{CauseId, CollectionName, Event, Position, decide};
use projections::ViewName;
use projections::collections::{Query, is_reserved};

use super::{Library, LibraryError};

impl Library {
    /// Defines a collection, anew or otherwise than before. Returns the event's position;
    /// `Position::START` where it is that already.
    ///
    /// # Errors
    /// Where the name is that of a collection which is always there, or the log takes no events.
    pub async fn define_collection(
        self: &Arc<Self>,
        name: CollectionName,
        query: &Query,
    ) -> Result<Position, LibraryError> {
        if is_reserved(name.as_str()) {
            return Err(LibraryError::BuiltIn(name));
        }
        let definition = query.to_string();
        self.change(|library| async move {
            let known = library.definition(&name).await?;
            let event = decide::collection_defined(name, definition, known.as_deref());
            match event {
                Some(event) => library.record_collection(event).await,
                None => Ok(Position::START),
            }
        })
        .await
    }

    /// Removes a collection. Returns the event's position.
    ///
    /// # Errors
    /// Where no command made one of that name, or the log takes no events.
    pub async fn remove_collection(
        self: &Arc<Self>,
        name: CollectionName,
    ) -> Result<Position, LibraryError> {
        if is_reserved(name.as_str()) {
            return Err(LibraryError::BuiltIn(name));
        }
        self.change(|library| async move {
            let known = library.definition(&name).await?;
            let event = decide::collection_removed(name, known.as_deref())?;
            library.record_collection(event).await
        })
        .await
    }

    /// What a collection is defined to be.
    async fn definition(&self, name: &CollectionName) -> Result<Option<String>, LibraryError> {
        let views = &self.scanner.views;
        self.reach_collections(self.scanner.writer.store().head())
            .await?;
        let rows = views.collections().definitions()?;
        let row = rows.into_iter().find(|row| row.name == *name);
        Ok(row.map(|row| row.definition))
    }

    async fn record_collection(&self, event: Event) -> Result<Position, LibraryError> {
        let recorded = self.scanner.writer.record(event, CauseId::generate());
        let position = recorded.await?;
        self.reach_collections(position).await?;
        Ok(position)
    }

    async fn reach_collections(&self, position: Position) -> Result<(), LibraryError> {
        let views = &self.scanner.views;
        Self::in_time(views.wait_for_view(ViewName::Collections, position)).await
    }
}
