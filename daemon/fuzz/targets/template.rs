//! Templates of alerts.
#![no_main]

use template::{Mode, Template};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for mode in [Mode::Text, Mode::Html] {
        let _ = Template::parse("id", text, mode);
    }
});
