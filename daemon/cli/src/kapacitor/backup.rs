//! `kapacitor backup FILE`: not built. The original copies its BoltDB; ours keeps no such file.

use std::future::ready;

use super::unbuilt;
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "backup",
    arguments: "<path to output file>",
    about: "Saves the definitions of a member (not built yet).",
    flags: &[],
    run: |call| Box::pin(ready(run(&call))),
};

fn run(call: &Call) -> Result<Text, Failure> {
    call.exactly::<1>("Must provide file path for backup.")?;
    Err(unbuilt::failure("backup"))
}
