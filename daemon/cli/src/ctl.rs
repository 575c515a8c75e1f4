//! `kapacitorctl`: who is in the cluster. Exit codes: 0 done, 1 failed, 2 wrong words.

mod certs_init;
mod cluster_status;
mod doctor;
mod keys_generate;
mod member_add;
mod member_list;
mod member_remove;
mod token;
mod version;

#[cfg(test)]
mod tests;

use crate::connection::FLAGS;
use crate::tool::{Codes, Tool};

/// The tool.
pub static KAPACITORCTL: Tool = Tool {
    name: "kapacitorctl",
    about: "Shows and changes the members of a Kapacitor cluster.",
    commands: &[
        &member_list::COMMAND,
        &member_add::COMMAND,
        &member_remove::COMMAND,
        &cluster_status::COMMAND,
        &doctor::COMMAND,
        &keys_generate::COMMAND,
        &certs_init::COMMAND,
        &version::COMMAND,
    ],
    flags: &FLAGS,
    codes: Codes { unknown: 2, failed: 1, address: 2 },
};
