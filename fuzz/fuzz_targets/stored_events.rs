//! Stored payloads of every kind: decoding never panics nor asks for more memory than the input
//! is worth, and what it gives is stored and read again as the same event.
#![no_main]

use eventlog::{Body, wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, payload)) = data.split_first() else { return };
    let kinds = wire::kinds();
    let kind = &kinds[usize::from(*choice) % kinds.len()];
    let Ok(Body::Known(event)) = wire::decode(kind.kind, kind.version, payload) else { return };
    let _ = wire::data(&event).to_string();
    let encoded = wire::encode(&event).expect("what was decoded can be encoded");
    assert_eq!(encoded.kind, kind.kind);
    let again = wire::decode(encoded.kind, encoded.version, &encoded.payload);
    assert_eq!(again.expect("what was encoded can be decoded"), Body::Known(event));
});
