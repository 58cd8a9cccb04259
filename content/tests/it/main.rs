//! The content store, on real files.

mod damage;
mod delta;
mod reading;
mod room;
mod support;
