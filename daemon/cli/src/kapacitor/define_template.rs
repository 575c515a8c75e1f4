//! `kapacitor define-template ID`

use client::template::TemplateChange;

use super::file;
use crate::flags::Flag;
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "define-template",
    arguments: "<template ID> [options]",
    about: "Creates or updates a template; its tasks follow.",
    flags: &[
        Flag::value("tick", "F", "file with the TICKscript"),
        Flag::value("type", "T", "stream or batch"),
    ],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let [id] = call.exactly("Must provide a template ID.")?;
    let named = |name| call.given.flag(name).filter(|value| !value.is_empty());
    let mut change = TemplateChange {
        id: None,
        kind: named("type").map(str::to_owned),
        script: named("tick").map(file::read).transpose()?,
    };
    let client = call.client()?;
    match client.template(id).await {
        Ok(_) => client.change_template(id, &change).await?,
        Err(error) if error.is_missing() => {
            change.id = Some(id.to_owned());
            client.create_template(&change).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Text::NONE)
}
