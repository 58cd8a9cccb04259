//! The content store: bytes of remote originals, fetched once and kept once (CAS).
//!
//! A [`Reader`] answers reads of one file at one revision from what is kept, and fetches the rest:
//! what several want, once; what follows, ahead. What comes is written to a sparse file, a *blob*, at
//! the offset that it has in the original, with a checksum for every stretch. Once all of a file is
//! there it is cut into chunks by its content: a chunk that another file has is kept there, and its
//! bytes here are given back to the disk; all others stay where they are. So nothing is copied, a file
//! that shares nothing is read from one blob in sequence, and a retagged file costs its tags.
//!
//! An index in `SQLite` says what is kept where. Bytes are on the disk before the index names them;
//! every read looks at their checksum. So nothing that happens to the disk or the process shows as a
//! wrong byte: what is in doubt is fetched again.

mod adopt;
mod blob;
mod check;
mod chunk;
mod disk;
mod error;
mod figures;
mod index;
mod kept;
mod key;
mod piece;
mod place;
mod proof;
mod reader;
mod settle;
mod store;
mod worker;

pub use check::{Checked, Extent, Lost};
pub use error::StoreError;
pub use figures::Figures;
pub use index::FileId;
pub use key::{Key, Shape};
pub use reader::{Purpose, Reader, Source};
pub use store::{Contents, DeltaVerify, Limits, Store};
