//! SFTP origins against real servers.

mod conforming;
mod support;
