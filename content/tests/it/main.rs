//! The content store, on real files.
#![cfg(test)]

mod damage;
mod delta;
mod killed;
mod reading;
mod room;
mod support;
