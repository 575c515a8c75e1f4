//! `kapacitorctl keys generate`: a new cluster key, one line for `[cluster] keys-file`.

use std::future::ready;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tool::{Call, Command, Failure, Text};

/// Bytes of a cluster key.
const KEY_BYTES: usize = 32;

pub(crate) const COMMAND: Command = Command {
    name: "keys generate",
    arguments: "",
    about: "Prints a new cluster key, a line for the file of [cluster] keys-file.",
    flags: &[],
    run: |call| Box::pin(ready(run(&call))),
};

fn run(call: &Call) -> Result<Text, Failure> {
    call.exactly::<0>("keys generate takes no argument")?;
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key)
        .map_err(|e| Failure::Failed(format!("the system gives no randomness: {e}")))?;
    Ok(Text {
        out: STANDARD.encode(key) + "\n",
        note: "Keep it secret: whoever has it is a member. All members need the same.\n".to_owned(),
    })
}
