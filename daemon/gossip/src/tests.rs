//! Members on a small network in memory, in virtual time.

mod failure;
mod heal;
mod hostile;
mod join;
mod removal;
mod restart;
mod spread;
mod wire;
mod world;

/// Bytes as text, for golden tests.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
