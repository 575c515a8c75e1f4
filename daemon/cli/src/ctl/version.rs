//! `kapacitorctl version`

use std::future::ready;

use crate::tool::Command;

pub(crate) const COMMAND: Command = Command {
    name: "version",
    arguments: "",
    about: "Prints the version of this tool.",
    flags: &[],
    run: |_| Box::pin(ready(Ok(text().into()))),
};

fn text() -> String {
    format!(
        "kapacitorctl {} (git: {} {})\n",
        env!("CARGO_PKG_VERSION"),
        option_env!("KAPACITOR_GIT_BRANCH").unwrap_or("unknown"),
        option_env!("KAPACITOR_GIT_COMMIT").unwrap_or("unknown"),
    )
}
