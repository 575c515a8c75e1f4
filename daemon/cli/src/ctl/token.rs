//! The token that permits changes of the cluster: where it is found and to whom it is sent.
//!
//! `KAPACITOR_ADMIN_TOKEN` is sent to whatever member is asked. Without it the token of the daemon on
//! this host is read from its data directory, which its configuration names; that one is sent to this
//! host only.

use std::fs;
use std::net::{ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};

use client::{Address, Client};

use crate::environment::Environment;
use crate::flags::Flag;
use crate::tool::{Call, Failure};

/// Where the daemon's configuration is.
pub(crate) const CONFIG: Flag = Flag::value(
    "config",
    "F",
    "the daemon's kapacitor.conf, to find the token in its data directory \
     (KAPACITOR_CONFIG_PATH, else the daemon's usual places)",
);

/// The data directory of a file that names none.
const DATA_DIR: &str = "/var/lib/kapacitor";

/// The token's file in the data directory.
const FILE: &str = "admin.token";

/// Largest configuration or token file that is read, in bytes.
const FILE_LIMIT: u64 = 4 << 20;

/// A client that may change the cluster, as far as this host knows; else also why it may not.
pub(crate) fn client(call: &Call) -> Result<(Client, Option<String>), Failure> {
    let client = call.client()?;
    if let Some(token) = call.environment.var("KAPACITOR_ADMIN_TOKEN") {
        let Some(token) = usable(token) else {
            let text = "KAPACITOR_ADMIN_TOKEN holds no token".to_owned();
            return Err(Failure::Usage(text));
        };
        return Ok((client.with_token(Some(token)), None));
    }
    if client.has_login() {
        return Ok((client, None));
    }
    match of_this_host(call.given.flag("config"), &call.environment, client.address()) {
        Ok(token) => Ok((client.with_token(Some(token)), None)),
        Err(why) => Ok((client, Some(why))),
    }
}

/// The failure, with what this host knows when permission was refused.
pub(crate) fn explain(error: client::Error, why_not: Option<String>) -> Failure {
    match why_not {
        Some(why) if error.is_forbidden() => Failure::Failed(format!("{error}\n{why}")),
        _ => error.into(),
    }
}

fn of_this_host(
    config: Option<&str>,
    environment: &Environment,
    address: &Address,
) -> Result<String, String> {
    if !is_this_host(address) {
        return Err(format!(
            "No token was sent: {address} is not this host, so set KAPACITOR_ADMIN_TOKEN"
        ));
    }
    let file = data_dir(config, environment)?.join(FILE);
    let text = read(&file).map_err(|why| {
        format!(
            "No token was sent: {why} (run as the daemon's user, name its configuration with \
             -config, or set KAPACITOR_ADMIN_TOKEN)"
        )
    })?;
    usable(&text).ok_or_else(|| format!("No token was sent: {} holds none", file.display()))
}

/// The data directory of the daemon on this host.
fn data_dir(config: Option<&str>, environment: &Environment) -> Result<PathBuf, String> {
    if let Some(dir) = environment.var("KAPACITOR_DATA_DIR") {
        return Ok(dir.into());
    }
    let named =
        config.filter(|c| !c.is_empty()).or_else(|| environment.var("KAPACITOR_CONFIG_PATH"));
    let file = match named {
        Some("/dev/null") => None,
        Some(named) => Some(PathBuf::from(named)),
        None => environment
            .config_places
            .iter()
            .find(|p| fs::metadata(p).is_ok_and(|m| m.is_file() && m.len() > 0))
            .cloned(),
    };
    let Some(file) = file else {
        return Ok(environment.home().unwrap_or_else(|| DATA_DIR.into()));
    };
    let text = read(&file).map_err(|why| format!("No token was sent: {why}"))?;
    let unusable = |why: &str| format!("No token was sent: {} {why}", file.display());
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| unusable(&format!("is not valid TOML: {}", e.message())))?;
    match table.get("data_dir") {
        None => Ok(DATA_DIR.into()),
        Some(toml::Value::String(dir)) => Ok(dir.into()),
        Some(_) => Err(unusable("has a data_dir that is no text")),
    }
}

fn read(file: &Path) -> Result<String, String> {
    let fail = |why: std::io::Error| format!("cannot read {}: {why}", file.display());
    let size = fs::metadata(file).map_err(fail)?.len();
    if size > FILE_LIMIT {
        return Err(format!("{} is too large ({size} bytes)", file.display()));
    }
    fs::read_to_string(file).map_err(fail)
}

/// A token that fits into a header.
fn usable(text: &str) -> Option<String> {
    let token = text.trim();
    let fits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| token.to_owned())
}

/// Whether all that the name stands for are addresses of this host: only those can be bound.
fn is_this_host(address: &Address) -> bool {
    let Ok(all) = (address.host(), address.port()).to_socket_addrs() else { return false };
    let mut all = all.peekable();
    all.peek().is_some() && all.all(|a| UdpSocket::bind((a.ip(), 0)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn environment(vars: &[(&str, &str)], places: &[PathBuf]) -> Environment {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Environment { vars, zone: TimeZone::UTC, config_places: places.to_vec() }
    }

    #[test]
    fn the_data_directory_is_found_as_the_daemon_finds_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("written");
            path
        };
        let first = file("first.conf", "data_dir = \"/first\"\n[http]\nbind-address = \":1\"\n");
        let second = file("second.conf", "hostname = \"h\"\n[cluster]\ndata_dir = \"/no\"\n");
        let (first_name, empty) = (first.to_string_lossy().into_owned(), file("empty.conf", ""));
        let places = [empty.clone(), second.clone()];
        for (config, vars, places, expect) in [
            (Some(&*first_name), &[("KAPACITOR_DATA_DIR", "/env")][..], &places[..], "/env"),
            (Some(&*first_name), &[("KAPACITOR_CONFIG_PATH", "/none")], &places, "/first"),
            (None, &[("KAPACITOR_CONFIG_PATH", &*first_name)], &places, "/first"),
            (None, &[("HOME", "/home/ann")], &places, "/var/lib/kapacitor"),
            (None, &[("HOME", "/home/ann")], &[empty], "/home/ann/.kapacitor"),
            (Some("/dev/null"), &[("HOME", "/home/ann")], &places, "/home/ann/.kapacitor"),
            (None, &[("HOME", "")], &[], "/var/lib/kapacitor"),
        ] {
            assert_eq!(data_dir(config, &environment(vars, places)), Ok(expect.into()));
        }
        let broken = file("broken.conf", "data_dir = [");
        let error = data_dir(broken.to_str(), &environment(&[], &[])).expect_err("broken");
        assert!(error.contains("broken.conf is not valid TOML"), "{error}");
    }

    #[test]
    fn the_token_of_this_host_is_sent_to_this_host_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().to_string_lossy().into_owned();
        let environment = environment(&[("KAPACITOR_DATA_DIR", &path)], &[]);
        let of = |url: &str| {
            let (address, _) = Address::parse(url).expect("valid");
            of_this_host(None, &environment, &address)
        };
        let missing = of("http://127.0.0.1:9092").expect_err("no file");
        assert!(missing.contains("admin.token") && missing.contains("-config"), "{missing}");
        fs::write(dir.path().join(FILE), "sesame\n").expect("written");
        assert_eq!(of("http://127.0.0.1:9092"), Ok("sesame".to_owned()));
        let foreign = of("http://192.0.2.1:9092").expect_err("another host");
        assert!(foreign.contains("not this host"), "{foreign}");
        fs::write(dir.path().join(FILE), " \n").expect("written");
        assert!(of("http://127.0.0.1:9092").expect_err("empty").contains("holds none"));
    }
}
