//! The `musicfs.v1` protocol and its generated code, nothing else.
//!
//! The protocol is written in `proto/musicfs/v1/*.proto`; those files are its documentation.

/// The protocol itself, an encoded `google.protobuf.FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Version 1.
pub mod v1 {
    tonic::include_proto!("musicfs.v1");
}
