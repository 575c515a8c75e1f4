//! Keys of a cluster: what seals gossip, and who may change membership.
//!
//! A cluster key is 32 random bytes in base64 (`openssl rand -base64 32`). An admin key is the
//! public half of an Ed25519 pair, as base64 of its 32 bytes or as PEM. A key file holds one key a
//! line (or PEM blocks); empty lines and lines that start with `#` are skipped.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of either kind of key.
pub const KEY_BYTES: usize = 32;

/// Largest key file that is read.
const FILE_LIMIT: u64 = 64 * 1024;

/// What precedes the 32 bytes in the DER form of an Ed25519 public key (RFC 8410).
const ED25519_DER_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A symmetric key of the cluster; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey([u8; KEY_BYTES]);

impl ClusterKey {
    /// Reads base64 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, String> {
        decode(text).map(Self)
    }

    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// The public Ed25519 key of somebody who may change membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminKey(pub [u8; KEY_BYTES]);

impl AdminKey {
    /// Reads base64 of 32 bytes, of the DER form, or a PEM block.
    pub fn parse(text: &str) -> Result<Self, String> {
        let body: String =
            text.lines().filter(|l| !l.starts_with("-----")).map(str::trim).collect();
        if let Ok(der) = STANDARD.decode(&body)
            && let Some(key) = der.strip_prefix(&ED25519_DER_PREFIX)
            && let Ok(key) = key.try_into()
        {
            return Ok(Self(key));
        }
        decode(&body).map(Self)
    }
}

/// Reads the file of `[cluster] keys-file`.
pub fn read_cluster_keys(path: &Path) -> Result<Vec<ClusterKey>, String> {
    each_key(path, ClusterKey::parse)
}

/// Reads the file of `[cluster] admin-keys-file`.
pub fn read_admin_keys(path: &Path) -> Result<Vec<AdminKey>, String> {
    each_key(path, AdminKey::parse)
}

fn decode(text: &str) -> Result<[u8; KEY_BYTES], String> {
    // The text is secret: the message must not repeat it.
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| "is no base64; make a key with `openssl rand -base64 32`".to_owned())?;
    <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
        .map_err(|_| format!("is {} bytes long, a key has {KEY_BYTES}", bytes.len()))
}

fn each_key<K>(path: &Path, parse: impl Fn(&str) -> Result<K, String>) -> Result<Vec<K>, String> {
    let about = |e: &dyn fmt::Display| format!("failed to read key file {}: {e}", path.display());
    let size = std::fs::metadata(path).map_err(|e| about(&e))?.len();
    if size > FILE_LIMIT {
        return Err(about(&format!("{size} bytes are more than a key file has ({FILE_LIMIT})")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| about(&e))?;
    let mut keys = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some((start, pem)) = &mut block {
            pem.push_str(line);
            pem.push('\n');
            if line.starts_with("-----END") {
                keys.push(parse(pem).map_err(|e| about(&format!("line {start}: {e}")))?);
                block = None;
            }
        } else if line.starts_with("-----BEGIN") {
            block = Some((index + 1, format!("{line}\n")));
        } else if !line.is_empty() && !line.starts_with('#') {
            keys.push(parse(line).map_err(|e| about(&format!("line {}: {e}", index + 1)))?);
        }
    }
    if let Some((start, _)) = block {
        return Err(about(&format!("line {start}: the PEM block has no end")));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_base64_and_pem() {
        let raw = [7u8; KEY_BYTES];
        let plain = STANDARD.encode(raw);
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode([&ED25519_DER_PREFIX[..], &raw[..]].concat())
        );
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("keys");
        std::fs::write(&path, format!("# ours\n\n{plain}\n{pem}")).expect("written");
        assert_eq!(read_admin_keys(&path), Ok(vec![AdminKey(raw), AdminKey(raw)]));
        std::fs::write(&path, format!("{plain}\n{}\n", STANDARD.encode([8u8; 32])))
            .expect("written");
        assert_eq!(read_cluster_keys(&path).expect("two").len(), 2);
    }

    #[test]
    fn a_bad_key_is_named_by_file_and_line_but_not_shown() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("keys");
        std::fs::write(&path, "\nc2hvcnQ=\n").expect("written");
        let error = read_cluster_keys(&path).expect_err("too short");
        assert!(error.contains("line 2: is 5 bytes long, a key has 32"), "{error}");
        std::fs::write(&path, "hunter2!\n").expect("written");
        assert!(!read_cluster_keys(&path).expect_err("no base64").contains("hunter2"));
    }
}
