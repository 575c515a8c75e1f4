//! `exec`: runs a program with alert data on its standard input.

use super::{KindError, Options};

/// Options of `exec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The program.
    pub prog: String,
    /// Its arguments, as they are.
    pub args: Vec<String>,
}

impl Exec {
    pub(super) fn parse(options: &mut Options<'_>) -> Result<Self, KindError> {
        let (prog, args) = (options.string("prog")?, options.strings("args")?);
        if prog.is_empty() {
            return Err(KindError::Value("exec prog must not be empty".to_owned()));
        }
        Ok(Self { prog, args })
    }
}
