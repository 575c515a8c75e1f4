//! Why a command was not carried out. The texts are shown to users as they are.

use gossip::{AddError, RemoveError};
use model::Str;

use crate::specs;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nobody answers at the given RPC address.
    #[error("failed to reach a member at {address}: {reason}")]
    Unreachable {
        /// As given.
        address: Str,
        /// What the dial said.
        reason: String,
    },
    /// Something else than a member's RPC answers there.
    #[error(
        "{address} is not the RPC address of a member: {reason}; give the RPC address (port 9091 by default), not that of the HTTP API"
    )]
    NotRpc {
        /// As given.
        address: Str,
        /// What answered.
        reason: String,
    },
    /// The member there has another cluster key, or none.
    #[error("the member at {address} does not share our cluster key")]
    Unauthenticated {
        /// As given.
        address: Str,
    },
    /// The joiner cannot be added; the text names the cluster or the address that is wrong.
    #[error("failed to add the member at {address}: {why}")]
    CannotAdd {
        /// As given.
        address: Str,
        /// Why.
        why: AddError,
    },
    /// The joiner refused or got lost in the middle; nothing has changed here. Adding it again is safe.
    #[error("the member at {address} did not join: {reason}")]
    JoinFailed {
        /// As given.
        address: Str,
        /// What it said.
        reason: String,
    },
    /// The member cannot be removed.
    #[error("failed to remove the member: {0}")]
    CannotRemove(#[from] RemoveError),
    /// A member that removes itself found nobody who would know of it.
    #[error("no other member answers; this member stays in its cluster")]
    NoSurvivor,
    /// Another membership change is under way here.
    #[error("another member is being added or removed; try again soon")]
    ChangeUnderWay,
    /// This member is leaving its cluster or going down.
    #[error("this member is {0}")]
    Leaving(&'static str),
    /// A handler of this topic and id exists.
    #[error("handler {id:?} of topic {topic:?} already exists")]
    HandlerExists {
        /// Topic.
        topic: Str,
        /// Handler.
        id: Str,
    },
    /// The spec was refused.
    #[error(transparent)]
    Spec(#[from] specs::Refused),
    /// The spec is no valid handler.
    #[error("{0}")]
    InvalidSpec(String),
    /// The disk does not take writes.
    #[error("failed to save: {0}")]
    Disk(String),
    /// The disk began to refuse writes after the command was taken: it takes effect all the same when
    /// the disk recovers, unless the member ends before.
    #[error("not saved yet, and lost if the member ends before the disk recovers: {0}")]
    Unsaved(String),
}
