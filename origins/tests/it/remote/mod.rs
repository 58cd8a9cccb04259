//! S3 and WebDAV origins on real servers, with faults in between, and on servers that are wrong.

mod s3;
mod webdav;
