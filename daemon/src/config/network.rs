//! Networks that outgoing connections must not reach (`-blacklist-cidrs`).

use std::net::IpAddr;

/// An address range, `10.0.0.0/8` or `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// What `private` stands for: loopback, link-local, private and unique-local ranges.
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
];

impl Network {
    /// Reads the value of the flag: ranges separated by commas, or the word `private` among them.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let mut networks = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            if part == "private" {
                for range in PRIVATE {
                    networks.push(Self::parse(range)?);
                }
            } else {
                networks.push(Self::parse(part)?);
            }
        }
        Ok(networks)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid CIDR address: {text}");
        let (address, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        if prefix > longest {
            return Err(invalid());
        }
        Ok(Self { address, prefix })
    }

    /// Whether `ip` lies in the range; an IPv4 address written as IPv6 counts as IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.prefix);
                shift == 32 || (net.to_bits() ^ ip.to_bits()) >> shift == 0
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.prefix);
                shift == 128 || (net.to_bits() ^ ip.to_bits()) >> shift == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_covers_what_must_not_be_reached() {
        let private = Network::parse_list("private, 8.8.8.0/24").expect("valid");
        let refused = |ip: &str| {
            let ip = ip.parse().expect("an address");
            private.iter().any(|n| n.contains(ip))
        };
        for ip in
            ["127.0.0.1", "10.1.2.3", "172.31.0.1", "::1", "fd00::1", "8.8.8.8", "::ffff:10.0.0.1"]
        {
            assert!(refused(ip), "{ip}");
        }
        for ip in ["1.1.1.1", "172.32.0.1", "2001:db8::1", "8.8.9.8"] {
            assert!(!refused(ip), "{ip}");
        }
        assert!(Network::parse_list("10.0.0.0/33").is_err());
        assert!(
            Network::parse_list("0.0.0.0/0").expect("valid")[0]
                .contains("9.9.9.9".parse().expect("ip"))
        );
    }
}
