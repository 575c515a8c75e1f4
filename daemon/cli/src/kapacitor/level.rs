//! `kapacitor level LEVEL`

use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "level",
    arguments: "(debug|info|error)",
    about: "Sets the log level of the member.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let [level] = call.exactly("Must pass one log level")?;
    call.client()?.set_log_level(level).await?;
    Ok(Text::NONE)
}
