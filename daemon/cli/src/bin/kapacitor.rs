//! `kapacitor`: tasks, templates, topics and handlers.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::KAPACITOR.main()
}
