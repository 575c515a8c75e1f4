//! Files that users name: scripts, variables, task files, handler files.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::tool::Failure;

/// Largest file that is read, in bytes.
const LIMIT: u64 = 16 << 20;

/// The text of a file.
pub(crate) fn read(name: &str) -> Result<String, Failure> {
    let fail = |error: io::Error| Failure::Failed(format!("open {name}: {}", plain(&error)));
    let metadata = fs::metadata(name).map_err(fail)?;
    if metadata.len() > LIMIT {
        let text = format!("{name} is too large: {} bytes, limit {LIMIT}", metadata.len());
        return Err(Failure::Failed(text));
    }
    fs::read_to_string(name).map_err(fail)
}

/// A JSON file, or a YAML file, which is told by its ending.
pub(crate) fn decode<T: DeserializeOwned>(name: &str) -> Result<T, Failure> {
    let text = read(name)?;
    let ending = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or("");
    let decoded = match ending.to_ascii_lowercase().as_str() {
        "yaml" | "yml" => serde_yaml::from_str(&text).map_err(|e| e.to_string()),
        "json" => serde_json::from_str(&text).map_err(|e| e.to_string()),
        // YAML contains JSON.
        _ => serde_yaml::from_str(&text).map_err(|e| e.to_string()),
    };
    decoded.map_err(|why| Failure::Failed(format!("failed to decode {name}: {why}")))
}

/// The system's text as Go prints it: `no such file or directory`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or("").to_lowercase()
}
