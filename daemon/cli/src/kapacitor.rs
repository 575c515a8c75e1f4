//! `kapacitor`: tasks, templates, topics and handlers of a member. Flags, texts, tables and exit codes
//! (0 done, 1 no such command, 2 wrong words, 3 failed, 4 wrong address) are the original's.

mod backup;
mod define;
mod define_template;
mod define_topic_handler;
mod delete;
mod disable;
mod enable;
mod level;
mod list;
mod reload;
mod show;
mod show_template;
mod show_topic;
mod show_topic_handler;
mod stats;
mod unbuilt;
mod vars;
mod version;

mod dbrp;
mod file;
mod matching;
mod value;

#[cfg(test)]
mod tests;

use crate::connection::FLAGS;
use crate::tool::{Codes, Tool};

/// The tool.
pub static KAPACITOR: Tool = Tool {
    name: "kapacitor",
    about: "Defines and shows tasks, templates, topics and handlers of a Kapacitor member.",
    commands: &[
        &define::COMMAND,
        &define_template::COMMAND,
        &define_topic_handler::COMMAND,
        &enable::COMMAND,
        &disable::COMMAND,
        &reload::COMMAND,
        &list::COMMAND,
        &delete::COMMAND,
        &show::COMMAND,
        &show_template::COMMAND,
        &show_topic::COMMAND,
        &show_topic_handler::COMMAND,
        &level::COMMAND,
        &stats::COMMAND,
        &vars::COMMAND,
        &version::COMMAND,
        &backup::COMMAND,
        &unbuilt::RECORD,
        &unbuilt::REPLAY,
        &unbuilt::REPLAY_LIVE,
        &unbuilt::WATCH,
        &unbuilt::LOGS,
        &unbuilt::SERVICE_TESTS,
        &unbuilt::FLUX,
    ],
    flags: &FLAGS,
    codes: Codes { unknown: 1, failed: 3, address: 4 },
};
