//! `.status`: what the daemon is doing, as small files (FS-10).

use std::sync::Arc;

use super::{Item, SpecialDir};
use crate::errno::FsError;

/// The file whose reading asks for a rescan (ORG-12).
const RESCAN: &str = "rescan";
const RESCAN_TEXT: &[u8] = b"rescan of all origins asked for\n";

/// What `.status` shows.
pub trait StatusSource: Send + Sync + 'static {
    /// The files there are.
    fn files(&self) -> &[&'static str];

    /// A file's text as it is now; without secrets. `None` where there is no such file. Answered
    /// at once, without touching an origin.
    fn render(&self, file: &str) -> Option<String>;

    /// A program has read `rescan`: look at every origin again. Returns at once.
    fn rescan(&self);
}

/// The directory `.status`.
#[derive(Debug)]
pub struct StatusDir<S>(Arc<S>);

impl<S: StatusSource> StatusDir<S> {
    /// The directory that shows `source`.
    #[must_use]
    pub fn new(source: Arc<S>) -> Self {
        Self(source)
    }
}

impl<S: StatusSource> SpecialDir for StatusDir<S> {
    fn name(&self) -> &'static str {
        ".status"
    }

    fn item(&self, path: &str) -> Result<Option<Item>, FsError> {
        let file = |text: &[u8]| Some(Item::File(text.into()));
        Ok(match path {
            "" => Some(Item::Directory),
            RESCAN => file(RESCAN_TEXT),
            name => self.0.render(name).and_then(|text| file(text.as_bytes())),
        })
    }

    fn list(&self, _: &str) -> Result<Vec<(String, Item)>, FsError> {
        let files = self.0.files().iter().copied().chain([RESCAN]);
        let items = files.filter_map(|file| {
            let item = self.item(file).transpose()?;
            Some(item.map(|item| (file.to_owned(), item)))
        });
        items.collect()
    }

    fn opened(&self, path: &str) {
        if path == RESCAN {
            self.0.rescan();
        }
    }
}
