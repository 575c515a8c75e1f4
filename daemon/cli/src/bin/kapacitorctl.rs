//! `kapacitorctl`: the members of a cluster.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::KAPACITORCTL.main()
}
