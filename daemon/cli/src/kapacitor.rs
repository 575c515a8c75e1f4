//! `kapacitor`: tasks, templates, topics and handlers of a member. Flags, texts, tables and exit codes
//! (0 done, 1 no such command, 2 wrong words, 3 failed, 4 wrong address) are the original's.

use crate::connection::FLAGS;
use crate::tool::{Codes, Tool};

/// The tool.
pub static KAPACITOR: Tool = Tool {
    name: "kapacitor",
    about: "Defines and shows tasks, templates, topics and handlers of a Kapacitor member.",
    commands: &[],
    flags: &FLAGS,
    codes: Codes { unknown: 1, failed: 3, address: 4 },
};
