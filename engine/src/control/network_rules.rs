//! The rules of allow lists, in the platform's words.

use std::net::Ipv4Addr;

use crate::errors::{ApiError, ApiResult};

/// The most networks an allow list may have.
pub const MAX_NETWORKS: usize = 10;

/// Checks a comma-separated list of IPv4 networks; an empty list allows none.
pub fn check_networks(list: &str) -> ApiResult<()> {
    if list.trim().is_empty() {
        return Ok(());
    }
    let networks: Vec<_> = list.split(',').map(str::trim).collect();
    if networks.len() > MAX_NETWORKS {
        return Err(ApiError::bad_request(format!(
            "Network allow list cannot contain more than {MAX_NETWORKS} networks"
        )));
    }
    networks.into_iter().try_for_each(check_network)
}

fn check_network(network: &str) -> ApiResult<()> {
    let (address, prefix) = match network.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (network, None),
    };
    if address.parse::<Ipv4Addr>().is_err() {
        return Err(ApiError::bad_request(format!(
            "Invalid IP address: \"{address}\" in network \"{network}\". Must be a valid IPv4 address"
        )));
    }
    let Some(prefix) = prefix else {
        return Err(ApiError::bad_request(format!(
            "Invalid network format: \"{network}\". Missing CIDR prefix length (e.g., /24)"
        )));
    };
    let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    match prefix.parse::<u8>() {
        Ok(0..=32) if digits => Ok(()),
        _ => Err(ApiError::bad_request(format!(
            "Invalid CIDR prefix length: \"{prefix}\" in network \"{network}\". Must be between 0 and 32"
        ))),
    }
}

/// Checks a comma-separated list of domain names, each of which may begin with `*.`; an empty list allows none.
pub fn check_domains(list: &str) -> ApiResult<()> {
    if list.trim().is_empty() {
        return Ok(());
    }
    match list.split(',').map(str::trim).find(|domain| !is_domain(domain)) {
        Some(domain) => {
            Err(ApiError::bad_request(format!("Invalid domain: \"{domain}\". Must be a valid domain name")))
        }
        None => Ok(()),
    }
}

fn is_domain(domain: &str) -> bool {
    let name = domain.strip_prefix("*.").unwrap_or(domain);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_ipv4_with_a_prefix() {
        for list in ["", "10.0.0.0/8", "10.0.0.0/8, 192.168.1.0/16", "0.0.0.0/0", "1.2.3.4/32"] {
            assert_eq!(check_networks(list), Ok(()), "{list}");
        }
        for (list, text) in [
            ("10.0.0.1", "Invalid network format: \"10.0.0.1\". Missing CIDR prefix length (e.g., /24)"),
            ("nope", "Invalid IP address: \"nope\" in network \"nope\". Must be a valid IPv4 address"),
            ("::1/64", "Invalid IP address: \"::1\" in network \"::1/64\". Must be a valid IPv4 address"),
            ("10.0.0.0/33", "Invalid CIDR prefix length: \"33\" in network \"10.0.0.0/33\". Must be between 0 and 32"),
            ("10.0.0.0/+8", "Invalid CIDR prefix length: \"+8\" in network \"10.0.0.0/+8\". Must be between 0 and 32"),
        ] {
            assert_eq!(check_networks(list).unwrap_err().message, text);
        }
        assert_eq!(check_networks(&["10.0.0.0/8"; 10].join(",")), Ok(()));
        assert!(check_networks(&["10.0.0.0/8"; 11].join(",")).is_err());
    }

    #[test]
    fn domains_are_names_and_not_urls() {
        for list in ["", "example.com", "example.com, *.daytona.io"] {
            assert_eq!(check_domains(list), Ok(()), "{list}");
        }
        for list in ["!!", "https://example.com", "example.com,", "*", "a..b", "-a.com", "example.com:80"] {
            assert!(check_domains(list).unwrap_err().message.ends_with("Must be a valid domain name"), "{list}");
        }
    }
}
