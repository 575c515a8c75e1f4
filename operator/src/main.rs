//! kapacitor-operator: `run` and `crds`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kapacitor_operator::command::run(std::env::args().skip(1))
}
