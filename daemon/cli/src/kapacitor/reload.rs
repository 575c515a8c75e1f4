//! `kapacitor reload PATTERN…`

use super::matching;
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "reload",
    arguments: "<task ID or pattern>...",
    about: "Stops tasks and starts them anew.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let patterns = matching::patterns(&call)?;
    let client = call.client()?;
    for id in matching::tasks(&client, patterns).await? {
        client.set_task_enabled(&id, false).await?;
        client.set_task_enabled(&id, true).await?;
    }
    Ok(Text::NONE)
}
