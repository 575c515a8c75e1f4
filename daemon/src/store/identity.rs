//! `server.id`, `cluster.id` and `admin.token`: text files in the data directory for people and tools.
//!
//! The database is the truth; the two id files are adopted when there is none yet, and written again
//! at each start and change. What is no UUID stops the start.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{ClusterId, MemberId};

use super::files::{read_if_there, write_whole};
use crate::logging::Secret;

const SERVER_ID: &str = "server.id";
const CLUSTER_ID: &str = "cluster.id";
const ADMIN_TOKEN: &str = "admin.token";

/// Random bytes of an admin token.
const TOKEN_BYTES: usize = 32;

/// More than any of the files has.
const READ_LIMIT: u64 = 1024;

/// Why an identity file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("failed to {verb} {}: {source}", path.display())]
    Io { verb: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{} holds {content:?}, which is no UUID; put the right id there, or remove the file to get a new one",
        path.display()
    )]
    NoUuid { path: PathBuf, content: String },
    #[error("failed to get random bytes from the system")]
    Entropy,
}

/// The identity files of one data directory.
#[derive(Clone, Debug)]
pub struct IdentityFiles {
    dir: PathBuf,
}

impl IdentityFiles {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The id in `server.id`, if the file exists.
    pub fn member(&self) -> Result<Option<MemberId>, IdentityError> {
        self.read(SERVER_ID)
    }

    /// The id in `cluster.id`, if the file exists.
    pub fn cluster(&self) -> Result<Option<ClusterId>, IdentityError> {
        self.read(CLUSTER_ID)
    }

    /// Writes both files where they differ; a start that cannot do so must fail.
    pub fn write(&self, member: MemberId, cluster: ClusterId) -> Result<(), IdentityError> {
        for (name, text) in [(SERVER_ID, member.to_string()), (CLUSTER_ID, cluster.to_string())] {
            let path = self.dir.join(name);
            let same =
                read_if_there(&path, READ_LIMIT).is_ok_and(|old| old.as_deref() == Some(&text));
            if !same {
                write_whole(&path, text.as_bytes(), 0o644).map_err(|source| IdentityError::Io {
                    verb: "write",
                    path,
                    source,
                })?;
            }
        }
        Ok(())
    }

    /// The token that lets its holder change membership; made at the first call. Only the owner of
    /// the file can read it.
    pub fn admin_token(&self) -> Result<Secret, IdentityError> {
        let path = self.dir.join(ADMIN_TOKEN);
        let io = |verb| {
            let path = path.clone();
            move |source| IdentityError::Io { verb, path, source }
        };
        if let Some(text) = read_if_there(&path, READ_LIMIT).map_err(io("read"))?
            && !text.trim().is_empty()
        {
            return Ok(Secret::new(text.trim()));
        }
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| IdentityError::Entropy)?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        write_whole(&path, format!("{token}\n").as_bytes(), 0o600).map_err(io("write"))?;
        Ok(Secret::new(token))
    }

    fn read<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, IdentityError> {
        let path = self.dir.join(name);
        let text = read_if_there(&path, READ_LIMIT).map_err(|source| IdentityError::Io {
            verb: "read",
            path: path.clone(),
            source,
        })?;
        let Some(text) = text else { return Ok(None) };
        match text.trim().parse() {
            Ok(id) => Ok(Some(id)),
            Err(_) => Err(IdentityError::NoUuid { path, content: text.chars().take(64).collect() }),
        }
    }
}
