//! `kapacitor vars`

use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "vars",
    arguments: "",
    about: "Prints all statistics of the member as JSON.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    call.exactly::<0>("vars takes no argument")?;
    let mut text = call.client()?.statistics_text().await?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text.into())
}
