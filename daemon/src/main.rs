//! kapacitord: one member.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kapacitord::command::run(std::env::args().skip(1), kapacitord::serve)
}
