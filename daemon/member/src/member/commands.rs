//! Commands of users and of the shell.

use super::Member;
use super::leave::Life;
use crate::error::CommandError;
use crate::input::{Command, Ticket};
use crate::output::{Done, Output, Severity};

impl Member {
    pub(super) fn command(&mut self, ticket: Ticket, command: Command) {
        if let Some(why) = &self.disk
            && !matches!(command, Command::Barrier)
        {
            let error = CommandError::Disk(why.clone());
            let result = Err(error);
            self.outputs.push_back(Output::Completed { ticket, result });
            return;
        }
        let result = match command {
            Command::AddMember { rpc_address } => return self.add_member(ticket, rpc_address),
            Command::RemoveMember { id } => return self.remove_member(ticket, id),
            Command::PutHandler { spec, create, file } => {
                self.may_edit().and_then(|()| self.put_handler(&spec, create, file))
            }
            Command::DeleteHandler { topic, id } => {
                self.may_edit().and_then(|()| self.delete_handler(topic, id))
            }
            Command::DeleteTopic { topic } => {
                self.may_edit().and_then(|()| self.delete_topic(topic))
            }
            Command::Barrier | Command::FreshClusterId(_) => Ok(Done::Ok),
        };
        self.complete(ticket, result);
    }

    fn may_edit(&self) -> Result<(), CommandError> {
        match &self.life {
            Life::Removed(_) => Err(CommandError::Leaving("leaving its cluster")),
            Life::Stopped => Err(CommandError::Leaving("going down")),
            _ => Ok(()),
        }
    }

    pub(super) fn disk_changed(&mut self, state: Option<String>) {
        match (&self.disk, &state) {
            (None, Some(why)) => {
                let fields = vec![("reason", why.clone())];
                self.log(Severity::Error, "the disk refuses writes", fields);
                // Whoever waits is told; nobody knows how long this takes.
                for (ticket, result) in self.gate.take_commands() {
                    let result = result.and(Err(CommandError::Unsaved(why.clone())));
                    self.outputs.push_back(Output::Completed { ticket, result });
                }
            }
            (Some(_), None) => self.log(Severity::Info, "the disk takes writes again", vec![]),
            _ => {}
        }
        self.disk = state;
    }
}
