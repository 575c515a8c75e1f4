//! Networks that handlers and `httpPost` nodes must not connect to (`-blacklist-cidrs`).

use std::net::IpAddr;

use crate::config::network::Network;

/// Knows the refused networks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard(pub(crate) Vec<Network>);

impl Guard {
    /// Refuses a URL whose host lies in a refused network.
    pub(crate) async fn check_url(&self, url: &str) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let parsed = reqwest::Url::parse(url).map_err(|e| format!("invalid URL: {e}"))?;
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = parsed.port_or_known_default().unwrap_or(80);
        self.check(&host, port).await
    }

    /// Refuses `host:port` likewise.
    pub(crate) async fn check_address(&self, address: &str) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "0"));
        self.check(host.trim_matches(['[', ']']), port.parse().unwrap_or(0)).await
    }

    /// A name is refused if any of its addresses is: which one is dialled is not known here.
    async fn check(&self, host: &str, port: u16) -> Result<(), String> {
        let addresses: Vec<IpAddr> = match host.parse() {
            Ok(ip) => vec![ip],
            Err(_) => tokio::net::lookup_host((host, port))
                .await
                .map_err(|e| format!("failed to look up {host}: {e}"))?
                .map(|a| a.ip())
                .collect(),
        };
        for ip in addresses {
            if self.0.iter().any(|network| network.contains(ip)) {
                return Err(format!("{host} ({ip}) lies in a network of -blacklist-cidrs"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refused_networks_are_not_dialled() {
        let guard = Guard(Network::parse_list("127.0.0.0/8,fd00::/8").expect("networks"));
        for (url, refused) in [
            ("http://127.0.0.1:9092/x", true),
            ("http://[fd00::1]/x", true),
            ("http://192.0.2.1/x", false),
            ("http://[::ffff:127.0.0.1]/x", true),
        ] {
            assert_eq!(guard.check_url(url).await.is_err(), refused, "{url}");
        }
        assert!(guard.check_address("127.1.2.3:7").await.is_err());
        assert!(Guard::default().check_address("127.1.2.3:7").await.is_ok());
    }
}
