//! `log`: appends alert data to a file, one line per event.

use super::{KindError, Options};

/// Mode of a file that the handler creates, when none is given.
const DEFAULT_MODE: u32 = 0o600;

/// Options of `log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Absolute path of the file.
    pub path: String,
    /// Permission bits of a file that is created; the owner may always write.
    pub mode: u32,
}

impl Log {
    pub(super) fn parse(options: &mut Options<'_>) -> Result<Self, KindError> {
        let path = options.string("path")?;
        let mode = options.int("mode", "integer (file mode)")?.unwrap_or(0);
        if !path.starts_with('/') {
            return Err(KindError::Value(format!(
                "log path must be absolute: {path} is not absolute"
            )));
        }
        let mode = match u32::try_from(mode) {
            Ok(0) => DEFAULT_MODE,
            Ok(mode) if mode & 0o200 != 0 => mode & 0o7777,
            _ => {
                let shown = show_mode(mode);
                let text = format!("invalid file mode {shown}, must be user writable");
                return Err(KindError::Value(text));
            }
        };
        Ok(Self { path, mode })
    }
}

/// `-rw-r--r--`.
fn show_mode(mode: i64) -> String {
    let bits = "rwxrwxrwx".char_indices();
    let shown = bits.map(|(i, c)| if mode & (1 << (8 - i)) != 0 { c } else { '-' });
    std::iter::once('-').chain(shown).collect()
}
