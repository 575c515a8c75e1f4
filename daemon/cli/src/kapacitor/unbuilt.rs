//! Commands of the original that are not built yet: they take its flags and say so.

use std::future::ready;

use crate::flags::Flag;
use crate::tool::{Call, Command, Failure, Running};

/// The failure of what is not built.
pub(crate) fn failure(what: &str) -> Failure {
    Failure::Failed(format!("{what}: not built yet in this version"))
}

fn run(_: Call) -> Running {
    Box::pin(ready(Err(failure("this command"))))
}

const FLAGS: [Flag; 15] = [
    Flag::value("task", "ID", "task"),
    Flag::value("duration", "D", "how long to record"),
    Flag::value("start", "TIME", "first time, RFC 3339"),
    Flag::value("stop", "TIME", "last time, RFC 3339"),
    Flag::value("past", "D", "start this long ago"),
    Flag::value("query", "Q", "InfluxQL"),
    Flag::value("type", "T", "stream or batch"),
    Flag::value("cluster", "NAME", "InfluxDB to query"),
    Flag::value("recording", "ID", "recording to replay"),
    Flag::value("recording-id", "ID", "id of the new recording"),
    Flag::value("replay-id", "ID", "id of the new replay"),
    Flag::switch("real-clock", "replay at the pace of the recording"),
    Flag::switch("rec-time", "keep the times of the recording"),
    Flag::switch("no-wait", "do not wait for the end"),
    Flag::value("file", "F", "file"),
];

const fn command(name: &'static str, arguments: &'static str, about: &'static str) -> Command {
    Command { name, arguments, about, flags: &FLAGS, run }
}

pub(crate) const RECORD: Command =
    command("record", "(stream|batch|query) [options]", "Records data (not built yet).");
pub(crate) const REPLAY: Command =
    command("replay", "[options]", "Replays a recording to a task (not built yet).");
pub(crate) const REPLAY_LIVE: Command =
    command("replay-live", "(batch|query) [options]", "Replays data to a task (not built yet).");
pub(crate) const WATCH: Command =
    command("watch", "<task ID> [tag=value]...", "Follows a task's log (not built yet).");
pub(crate) const LOGS: Command =
    command("logs", "[tag=value]...", "Follows the member's log (not built yet).");
pub(crate) const SERVICE_TESTS: Command =
    command("service-tests", "<service or pattern>...", "Tests services (not built yet).");
pub(crate) const FLUX: Command = command("flux", "task ...", "Flux tasks (not built yet).");
