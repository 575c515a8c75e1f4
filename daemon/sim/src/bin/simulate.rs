//! The simulated world on the command line: `simulate chaos`, `simulate measure`, `simulate play FILE`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = sim::simulate::Arguments::parse();
    match sim::simulate::run_command(arguments) {
        Ok(output) => {
            let _ = std::io::stdout().write_all(output.text.as_bytes());
            if output.well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "simulate: {error}");
            ExitCode::from(2)
        }
    }
}
