//! The `[[influxdb]]` elements and the rules between them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::build::Ground;
use super::problem::{Origin, Problem};
use super::typed::{InfluxDb, Mode, Protocol};
use super::values::Values;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Builds all elements; a single enabled one is the default whatever it says.
pub(crate) fn build_influxdb(ground: &Ground<'_>, hostname: &str) -> Vec<InfluxDb> {
    let count = ground.settings.elements("influxdb").len();
    let mut elements: Vec<InfluxDb> =
        (0..count).map(|index| build_one(&ground.values("influxdb", index), hostname)).collect();
    let mut names = BTreeSet::new();
    for (index, element) in elements.iter().enumerate() {
        if !names.insert(element.name.clone()) {
            let text = format!("duplicate name {:?} for influxdb configs", element.name);
            ground.values("influxdb", index).original("name", text);
        }
    }
    let enabled: Vec<usize> = (0..count).filter(|i| elements[*i].enabled).collect();
    let defaults: Vec<usize> = enabled.iter().copied().filter(|i| elements[*i].default).collect();
    match (enabled.as_slice(), defaults.as_slice()) {
        ([only], _) => elements[*only].default = true,
        ([], _) | (_, [_]) => {}
        (_, []) => {
            let origin = ground.source.clone().map_or(Origin::Default, Origin::File);
            let text = "at least one of the enabled InfluxDB clusters must be marked as default.";
            ground.problems.borrow_mut().push(Problem::new(origin, "[[influxdb]]", text));
        }
        (_, [first, second, ..]) => {
            let text = format!(
                "More than one InfluxDB default was specified: {} {}",
                elements[*first].name, elements[*second].name
            );
            ground.values("influxdb", *second).original("default", text);
        }
    }
    elements
}

fn build_one(v: &Values<'_>, hostname: &str) -> InfluxDb {
    let enabled = v.bool("enabled");
    let name = v.text("name");
    if name.is_empty() {
        v.original("name", "influxdb cluster must be given a name");
    }
    let urls = v.list("urls");
    if urls.is_empty() {
        v.original("urls", "must specify at least one InfluxDB URL");
    }
    for url in &urls {
        let known =
            ["http://", "https://"].iter().any(|p| url.len() > p.len() && url.starts_with(p));
        if !known {
            v.wrong("urls", format!("{url:?} must start with http:// or https://"));
        }
    }
    let protocol = build_protocol(v, enabled);
    let mode = if v.text("subscription-mode") == "server" { Mode::Server } else { Mode::Cluster };
    let host = v.text("kapacitor-hostname");
    let timeout = v.duration("timeout", None, Duration::ZERO..=DAY);
    InfluxDb {
        enabled,
        name,
        default: v.bool("default"),
        urls,
        username: v.text("username"),
        password: v.secret("password"),
        token: v.secret("token"),
        http_shared_secret: v.bool("http-shared-secret"),
        ssl_ca: v.path("ssl-ca"),
        ssl_cert: v.path("ssl-cert"),
        ssl_key: v.path("ssl-key"),
        insecure_skip_verify: v.bool("insecure-skip-verify"),
        timeout: (!timeout.is_zero()).then_some(timeout),
        disable_subscriptions: v.bool("disable-subscriptions"),
        subscription_protocol: protocol,
        subscription_mode: mode,
        subscriptions: v.lists("subscriptions"),
        excluded_subscriptions: v.lists("excluded-subscriptions"),
        kapacitor_hostname: if host.is_empty() { hostname.to_owned() } else { host },
        http_port: u16::try_from(v.int("http-port", 0..=65_535)).ok().filter(|p| *p != 0),
        udp_bind: v.text("udp-bind"),
        udp_buffer: v.int("udp-buffer", 0..=1_000_000) as usize,
        udp_read_buffer: v.int("udp-read-buffer", 0..=1 << 30) as usize,
        startup_timeout: v.duration("startup-timeout", None, Duration::ZERO..=DAY),
        subscriptions_sync_interval: v.duration(
            "subscriptions-sync-interval",
            Some(SECOND * 60),
            Duration::from_millis(100)..=DAY,
        ),
        subscription_path: v.text("subscription-path"),
        compress: build_compression(v),
    }
}

fn build_protocol(v: &Values<'_>, enabled: bool) -> Protocol {
    match v.text("subscription-protocol").as_str() {
        "http" => Protocol::Http,
        "https" => Protocol::Https,
        "udp" => {
            if enabled && !v.bool("disable-subscriptions") {
                v.wrong(
                    "subscription-protocol",
                    "subscriptions over udp are not built yet, use http",
                );
            }
            Protocol::Udp
        }
        other => {
            let text = format!(
                "invalid subscription protocol, must be one of 'udp', 'http' or 'https', got {other:?}: {}",
                v.text("name")
            );
            v.original("subscription-protocol", text);
            Protocol::Http
        }
    }
}

fn build_compression(v: &Values<'_>) -> bool {
    match v.text("compression").as_str() {
        "gzip" => true,
        "none" => false,
        other => {
            let text = format!("Invalid compression, must be one of 'gzip' or 'none', got {other}");
            v.original("compression", text);
            true
        }
    }
}
