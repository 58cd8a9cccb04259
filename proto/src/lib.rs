//! The `musicfs.v1` protocol and its generated code, nothing else.
//!
//! The protocol is written in `proto/musicfs/v1/*.proto`; those files are its documentation.

/// Version 1.
pub mod v1 {
    tonic::include_proto!("musicfs.v1");
}
