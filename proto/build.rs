//! Generates the code of `musicfs.v1`, without a protoc on the machine.

use std::error::Error;

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "cache",
        "collections",
        "control",
        "events",
        "layout",
        "origins",
        "search",
        "views",
        "webhooks",
    ]
    .map(|name| format!("musicfs/v1/{name}.proto"));
    println!("cargo::rerun-if-changed=musicfs");
    let descriptors = protox::compile(files, ["."])?;
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(
        format!("{out}/descriptors.bin"),
        descriptors.encode_to_vec(),
    )?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
