//! `kapacitor enable PATTERN…`

use super::matching;
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "enable",
    arguments: "<task ID or pattern>...",
    about: "Starts tasks.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let patterns = matching::patterns(&call)?;
    let client = call.client()?;
    let mut note = String::new();
    for id in matching::tasks(&client, patterns).await? {
        let saved = client.set_task_enabled(&id, true).await?;
        note.extend(saved.note.map(|text| format!("Note: {id}: {text}\n")));
    }
    Ok(Text { out: String::new(), note })
}
