//! SFTP origins against real servers.

mod conforming;
mod faults;
mod files;
mod hosts;
mod links;
mod logins;
mod passwords;
pub(crate) mod support;
