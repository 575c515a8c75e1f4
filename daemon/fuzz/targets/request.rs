//! Calls between members, by each path.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else { return };
    let calls = rpc::Call::ALL;
    let call = calls[usize::from(*which) % calls.len()];
    let _ = rpc::decode_request(call.path(), body);
});
