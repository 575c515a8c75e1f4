//! Answers to calls between members.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else { return };
    let calls = rpc::Call::ALL;
    let _ = rpc::decode_answer(calls[usize::from(*which) % calls.len()], body);
});
