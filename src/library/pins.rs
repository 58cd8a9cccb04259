//! Pinning and unpinning: changes of the library like any other.

use std::sync::Arc;

use eventlog::{CauseId, PinTarget, Position, decide};

use super::{Library, LibraryError};

impl Library {
    /// Pins something that is in the tree. Returns the event's position; `Position::START` where it
    /// was pinned already.
    ///
    /// # Errors
    /// Where the tree does not have it, or the log takes no events.
    pub async fn pin(self: &Arc<Self>, target: PinTarget) -> Result<Position, LibraryError> {
        self.change(|library| async move {
            let known = library.pinned().await?;
            // A query may find nothing yet.
            if let PinTarget::Path(path) = &target
                && library
                    .scanner
                    .views
                    .tree()
                    .resolve(path.as_str())?
                    .is_none()
            {
                return Err(LibraryError::NotInTree(path.clone()));
            }
            let Some(event) = decide::pinned(target, &known) else {
                return Ok(Position::START);
            };
            let recorded = library.scanner.writer.record(event, CauseId::generate());
            let position = recorded.await?;
            library.reach(position).await?;
            Ok(position)
        })
        .await
    }

    /// Unpins something. Returns the event's position.
    ///
    /// # Errors
    /// Where it is not pinned, or the log takes no events.
    pub async fn unpin(self: &Arc<Self>, target: PinTarget) -> Result<Position, LibraryError> {
        self.change(|library| async move {
            let known = library.pinned().await?;
            let event = decide::unpinned(target, &known)?;
            let recorded = library.scanner.writer.record(event, CauseId::generate());
            let position = recorded.await?;
            library.reach(position).await?;
            Ok(position)
        })
        .await
    }

    async fn pinned(&self) -> Result<Vec<PinTarget>, LibraryError> {
        self.reach(self.scanner.writer.store().head()).await?;
        let rows = self.scanner.views.catalog().pins()?;
        Ok(rows.into_iter().map(|row| row.target).collect())
    }
}
