//! The filesystem by itself, and in a real mount.
#![cfg(test)]

mod audience;
mod caching;
mod filesystem;
mod generated;
mod harness;
mod lifecycle;
mod reading;
mod user;
mod writing;
