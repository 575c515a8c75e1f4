//! `kapacitorctl certs init DIR [HOST]…`: an authority of the cluster's own and certificates of its
//! members, for `[rpc] tls-*` and `[http] https-*`.
//!
//! Invariants: nothing that exists is written over; a second run with further hosts uses the authority
//! that is there; keys are readable by their owner only.

use std::fs;
use std::future::ready;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use crate::flags::Flag;
use crate::tool::{Call, Command, Failure, Text};

/// Name of the authority; also how a second run knows it.
const AUTHORITY: &str = "Kapacitor cluster authority";
/// File of the authority's certificate, and of its key.
const CA: [&str; 2] = ["ca.pem", "ca-key.pem"];
/// Days that a member's certificate holds unless `-days` says otherwise.
const DAYS: &str = "825";
/// Days that the authority holds.
const AUTHORITY_DAYS: i64 = 3650;
/// Most days of a member's certificate: it must not outlive its authority.
const MOST_DAYS: i64 = AUTHORITY_DAYS;

pub(crate) const COMMAND: Command = Command {
    name: "certs init",
    arguments: "DIR [HOST[,HOST]...]...",
    about: "Makes an authority in DIR and a certificate for each HOST, the host names or IP addresses of \
            the members (default this machine's name), for [rpc] tls-certificate, \
            tls-private-key and tls-ca, and for [http] https-certificate and https-private-key. HOST,HOST \
            is one certificate for several names, its files called by the first; the others may begin \
            with *. to stand for all names below. Uses the authority that is in DIR already.",
    flags: &[Flag::value("days", "N", "days that the members' certificates hold (default 825)")],
    run: |call| Box::pin(ready(run(&call))),
};

fn run(call: &Call) -> Result<Text, Failure> {
    let [dir, hosts @ ..] = &call.given.arguments[..] else {
        return Err(Failure::Usage("Must provide a directory".to_owned()));
    };
    let days = call.given.flag("days").unwrap_or(DAYS);
    let days = days.parse().ok().filter(|n| (1..=MOST_DAYS).contains(n)).ok_or_else(|| {
        Failure::Usage(format!("invalid value {days:?} for flag -days: want 1 to {MOST_DAYS}"))
    })?;
    let hosts =
        if hosts.is_empty() { vec![own_host().map_err(Failure::Failed)?] } else { hosts.to_vec() };
    let written = init(Path::new(dir), &hosts, days, Timestamp::now()).map_err(Failure::Failed)?;
    let lines = written.iter().map(|path| format!("wrote {}\n", path.display()));
    let note = "Keep ca-key.pem away from the members: who has it can make members.\n".to_owned();
    Ok(Text { out: lines.collect(), note })
}

fn own_host() -> Result<String, String> {
    let file = "/proc/sys/kernel/hostname";
    let name = fs::read_to_string(file).map_err(|e| format!("failed to read {file}: {e}"))?;
    Ok(name.trim().to_owned())
}

/// Writes what is missing; the files written.
fn init(dir: &Path, hosts: &[String], days: i64, now: Timestamp) -> Result<Vec<PathBuf>, String> {
    let hosts: Vec<Vec<&str>> = hosts.iter().map(|names| names.split(',').collect()).collect();
    for names in &hosts {
        let host = names[0];
        check(host)?;
        names[1..].iter().try_for_each(|name| check(name.strip_prefix("*.").unwrap_or(name)))?;
        let path = dir.join(format!("{host}.pem"));
        if path.exists() {
            return Err(format!("{} exists: move it away for a new one", path.display()));
        }
    }
    let mut made = fs::DirBuilder::new();
    made.recursive(true).mode(0o755);
    made.create(dir).map_err(|e| format!("failed to make {}: {e}", dir.display()))?;
    let mut written = Vec::new();
    let issuer = authority(dir, now, &mut written)?;
    for names in &hosts {
        let host = names[0];
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let certificate = member(names, days, now, &key, &issuer).map_err(|e| e.to_string())?;
        write_pair(dir, [format!("{host}.pem"), format!("{host}-key.pem")], &certificate, &key)
            .map(|paths| written.extend(paths))?;
    }
    Ok(written)
}

/// A host becomes a file name.
fn check(host: &str) -> Result<(), String> {
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if host.parse::<IpAddr>().is_ok()
        || (is_name && !host.is_empty() && !host.starts_with(['.', '-']))
    {
        return Ok(());
    }
    Err(format!("{host:?} is no host: give the host name or IP address, without port"))
}

/// The authority in `dir`; a new one when there is none.
fn authority(
    dir: &Path,
    now: Timestamp,
    written: &mut Vec<PathBuf>,
) -> Result<Issuer<'static, KeyPair>, String> {
    let [certificate, key_file] = CA.map(|name| dir.join(name));
    match (certificate.exists(), key_file.exists()) {
        (true, true) => {
            let about = |e: &dyn std::fmt::Display| {
                format!("failed to use the authority in {}: {e}", key_file.display())
            };
            let text = fs::read_to_string(&key_file).map_err(|e| about(&e))?;
            let key = KeyPair::from_pem(&text).map_err(|e| about(&e))?;
            Ok(Issuer::new(authority_params(now).map_err(|e| about(&e))?, key))
        }
        (false, false) => {
            let key = KeyPair::generate().map_err(|e| e.to_string())?;
            let params = authority_params(now).map_err(|e| e.to_string())?;
            let certificate = params.self_signed(&key).map_err(|e| e.to_string())?;
            written.extend(write_pair(dir, CA.map(str::to_owned), &certificate, &key)?);
            Ok(Issuer::new(params, key))
        }
        (has_certificate, _) => {
            let [there, lacks] = if has_certificate { CA } else { [CA[1], CA[0]] };
            Err(format!(
                "{} holds {there} but no {lacks}: bring it, or take another directory",
                dir.display()
            ))
        }
    }
}

fn authority_params(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, AUTHORITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    hold(&mut params, AUTHORITY_DAYS, now);
    Ok(params)
}

fn member(
    names: &[&str],
    days: i64,
    now: Timestamp,
    key: &KeyPair,
    issuer: &Issuer<'static, KeyPair>,
) -> Result<Certificate, rcgen::Error> {
    // Recognises IP addresses by itself.
    let alternatives: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(alternatives)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // A member both calls and is called.
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    hold(&mut params, days, now);
    params.signed_by(key, issuer)
}

/// From yesterday, for members whose clocks are behind.
fn hold(params: &mut CertificateParams, days: i64, now: Timestamp) {
    let day = |offset: i64| {
        let hours = jiff::SignedDuration::from_hours(24 * offset);
        let at = now.checked_add(hours).unwrap_or(now);
        let date: Date = at.to_zoned(TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8)
    };
    params.not_before = day(-1);
    params.not_after = day(days);
}

fn write_pair(
    dir: &Path,
    names: [String; 2],
    certificate: &Certificate,
    key: &KeyPair,
) -> Result<[PathBuf; 2], String> {
    let [certificate_file, key_file] = names.map(|name| dir.join(name));
    write(&key_file, 0o600, &key.serialize_pem())?;
    write(&certificate_file, 0o644, &certificate.pem())?;
    Ok([certificate_file, key_file])
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), String> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|e| format!("failed to write {}: {e}", path.display()))
}
