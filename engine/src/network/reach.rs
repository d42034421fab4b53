//! What the settings of a sandbox let it reach, of what sandboxes may reach at all.

use std::net::IpAddr;

use super::cidr::Cidr;
use super::domains::Domains;

/// The reach of one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Everything.
    #[default]
    All,
    /// Nothing, and no name is resolved.
    Nothing,
    /// What one of its lists names, and nothing else.
    Only {
        /// By address; no name is needed.
        networks: Vec<Cidr>,
        /// By name; only these are resolved, and connections must carry one of them.
        domains: Domains,
    },
}

impl Reach {
    /// The reach of a sandbox with these settings. An allow list that is there but empty allows nothing.
    pub fn of(block_all: bool, networks: Option<&str>, domains: Option<&str>) -> Self {
        if block_all {
            return Self::Nothing;
        }
        if networks.is_none() && domains.is_none() {
            return Self::All;
        }
        Self::Only {
            networks: networks.unwrap_or_default().split(',').filter_map(|network| network.parse().ok()).collect(),
            domains: Domains::of(domains.unwrap_or_default()),
        }
    }

    /// The only networks that are reached whatever the name; `None` where all are.
    pub fn networks(&self) -> Option<&[Cidr]> {
        match self {
            Self::All => None,
            Self::Nothing => Some(&[]),
            Self::Only { networks, .. } => Some(networks),
        }
    }

    /// Whether connections are let through by the names they carry.
    pub fn is_by_name(&self) -> bool {
        matches!(self, Self::Only { domains, .. } if !domains.is_empty())
    }

    /// Whether an address is reached whatever the name.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.networks().is_none_or(|networks| networks.iter().any(|network| network.contains(address)))
    }

    /// Whether a list has the name; in lower case, without a dot at its end.
    pub fn names(&self, name: &str) -> bool {
        matches!(self, Self::Only { domains, .. } if domains.contain(name))
    }

    /// Whether any name is resolved. A list of networks is no reason to: what is asked would leave the sandbox, whatever
    /// comes back.
    pub fn resolves_all(&self) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Only { networks, .. } => networks.iter().any(|network| network.is_everything()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_nothing_allow_nothing() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(Reach::of(false, None, None), Reach::All);
        assert_eq!(Reach::of(true, Some("10.0.0.0/8"), Some("example.com")), Reach::Nothing);
        for (networks, domains) in [(Some(""), None), (None, Some("")), (Some(""), Some(""))] {
            let reach = Reach::of(false, networks, domains);
            assert!(!reach.allows(address) && !reach.is_by_name() && !reach.resolves_all(), "{reach:?}");
        }
    }

    #[test]
    fn each_list_adds_what_it_names() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let both = Reach::of(false, Some("10.0.0.0/8, 1.1.1.1/32"), Some("example.com"));
        assert!(both.allows(address) && both.is_by_name() && both.names("example.com") && !both.resolves_all());
        assert_eq!(both.networks().unwrap().len(), 2);
        assert!(Reach::of(false, Some("0.0.0.0/0"), None).resolves_all());
        assert!(!Reach::All.is_by_name() && !Reach::All.names("example.com"));
    }
}
