//! Line protocol.
#![no_main]

use model::line::{Interner, Precision};
use model::{Str, Time};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut interner = Interner::default();
    let (database, policy): (Str, Str) = ("d".into(), "r".into());
    let _ =
        model::line::parse(bytes, Time(0), Precision::default(), &mut interner, &database, &policy);
});
