//! `kapacitorctl version`

use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "version",
    arguments: "",
    about: "Prints the version of this tool.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(_: Call) -> Result<Text, Failure> {
    Ok(format!("kapacitorctl {}\n", env!("CARGO_PKG_VERSION")).into())
}
