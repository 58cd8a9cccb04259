# Everything that a change must pass.
check:
    .ci/run

# Every test, with what they need installed first.
test *args:
    tests/run {{ args }}

# A longer run of the reference model.
soak sequences="1000000":
    MUSICFS_SEQUENCES={{ sequences }} cargo test --release -p musicfs-projections --test it -- model --nocapture

# The figures of docs/BENCHMARKS.md.
bench *args:
    benches/run {{ args }}

# Mounts a folder in the foreground.
run music mountpoint:
    cargo run --release -- mount {{ mountpoint }} --origin {{ music }}

# Licences, sources and known flaws of the dependencies; needs `cargo install cargo-deny`.
deny:
    cargo deny check
