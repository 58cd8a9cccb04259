//! Reading real files: what they say, what that costs, and what hostile ones can do.
#![cfg(test)]

mod again;
mod cost;
mod damage;
mod fragmented;
mod harness;
mod identity;
mod library;
mod oggs;
mod oracle;
mod pictures;
mod synthetic;
