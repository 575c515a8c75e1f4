//! Addresses as `kapacitor.conf` spells them: `host:port`, `:port`, and nothing for "as bound".

use std::fmt;

/// Where a listener binds: `:9092`, `127.0.0.1:9092`, `[::1]:0`, `localhost:9092`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `None` = all interfaces.
    pub host: Option<String>,
    /// 0 = any free port.
    pub port: u16,
}

/// What peers are told; each missing part is taken from the listener or from `hostname`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertise {
    pub host: Option<String>,
    pub port: Option<u16>,
}

impl Listen {
    /// Reads `host:port` or `:port`. The error is a fragment for "KEY: …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = split(text)?;
        let port = port.ok_or_else(|| format!("{text:?} has no port, write host:port or :port"))?;
        Ok(Self { host, port })
    }

    /// Texts to bind in order of preference; the first that works wins. All interfaces means IPv6
    /// and IPv4 where the machine has both, else IPv4.
    pub fn candidates(&self) -> Vec<String> {
        match &self.host {
            None => vec![format!("[::]:{}", self.port), format!("0.0.0.0:{}", self.port)],
            Some(host) => vec![join(host, self.port)],
        }
    }

    /// The address to tell others: `advertise`, then the bound host unless it is a wildcard, then
    /// `hostname`; the port is `advertise`'s or the one that was really bound.
    pub fn advertised(&self, advertise: &Advertise, hostname: &str, bound_port: u16) -> String {
        let own = self.host.as_deref().filter(|h| !matches!(*h, "0.0.0.0" | "::"));
        let host = advertise.host.as_deref().or(own).unwrap_or(hostname);
        let port = advertise.port.filter(|p| *p != 0).unwrap_or(bound_port);
        join(host, port)
    }
}

impl Advertise {
    /// Reads ``, `host`, `host:port` or `:port`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (host, port) = split(text)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, ":{}", self.port),
            Some(host) => f.write_str(&join(host, self.port)),
        }
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn split(text: &str) -> Result<(Option<String>, Option<u16>), String> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) =
            rest.split_once(']').ok_or_else(|| format!("{text:?} lacks the closing bracket"))?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(format!("{text:?} is no host:port")),
        }
    } else {
        match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                return Err(format!("{text:?}: an IPv6 address needs brackets, [::1]:9090"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(format!("{text:?} is no host:port"));
    }
    let port = port
        .map(|p| p.parse::<u16>().map_err(|_| format!("{text:?}: the port must be 0 to 65535")))
        .transpose()?;
    Ok(((!host.is_empty()).then(|| host.to_owned()), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_original_reads_them() {
        for (text, host, port) in [
            (":9092", None, 9092),
            ("127.0.0.1:0", Some("127.0.0.1"), 0),
            ("[::1]:9090", Some("::1"), 9090),
            ("kapacitor-1:9091", Some("kapacitor-1"), 9091),
        ] {
            let listen = Listen::parse(text).expect(text);
            assert_eq!((listen.host.as_deref(), listen.port), (host, port));
            assert_eq!(listen.to_string(), text);
        }
        for text in ["", "host", "host:", "host:66000", "::1:9090", "http://a:1", "[::1", "a b:1"] {
            assert!(Listen::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_advertised_falls_back_to_the_listener_then_to_hostname() {
        for (bind, advertise, expect) in [
            (":9090", "", "box:7"),
            ("0.0.0.0:9090", "", "box:7"),
            ("10.0.0.1:9090", "", "10.0.0.1:7"),
            (":9090", "pub.example", "pub.example:7"),
            (":9090", "pub.example:1234", "pub.example:1234"),
            (":9090", ":1234", "box:1234"),
            (":9090", "[fd00::1]", "[fd00::1]:7"),
        ] {
            let listen = Listen::parse(bind).expect(bind);
            let advertise = Advertise::parse(advertise).expect("valid");
            assert_eq!(listen.advertised(&advertise, "box", 7), expect);
        }
    }
}
