//! Networks as people write them: an address and the length of its prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid =
            || format!("\"{text}\" is not a valid network: expected an address and a prefix, such as 10.0.0.0/8");
        let (address, prefix) = text.trim().split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(invalid)?;
        Ok(Self { address, prefix })
    }
}

impl Cidr {
    /// The network of an address whose first `prefix` bits are fixed.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// The first and the last address, if it is a network of IPv4.
    pub fn v4(self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let IpAddr::V4(address) = self.address else { return None };
        let host = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
        let first = address.to_bits() & !host;
        Some((Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first | host)))
    }

    /// The first and the last address, if it is a network of IPv6.
    pub fn v6(self) -> Option<(Ipv6Addr, Ipv6Addr)> {
        let IpAddr::V6(address) = self.address else { return None };
        let host = u128::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
        let first = address.to_bits() & !host;
        Some((Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(first | host)))
    }

    /// Whether it has every address of its family.
    pub fn is_everything(self) -> bool {
        self.prefix == 0
    }

    /// Whether an address lies in the network.
    pub fn contains(self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4().is_some_and(|(first, last)| (first..=last).contains(&address)),
            IpAddr::V6(address) => self.v6().is_some_and(|(first, last)| (first..=last).contains(&address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_a_first_and_a_last_address() {
        let network: Cidr = "10.1.2.3/8".parse().unwrap();
        assert_eq!(network.v4(), Some((Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(10, 255, 255, 255))));
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert_eq!(all.v4(), Some((Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)));
        let one: Cidr = "1.2.3.4/32".parse().unwrap();
        assert!(one.contains("1.2.3.4".parse().unwrap()) && !one.contains("1.2.3.5".parse().unwrap()));
        let link: Cidr = "fe80::/10".parse().unwrap();
        assert!(link.contains("febf::1".parse().unwrap()) && !link.contains("fec0::1".parse().unwrap()));
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "name/8", "10.0.0.0/-1", ""] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
