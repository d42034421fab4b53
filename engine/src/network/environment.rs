//! How the machine's own programs get out: its proxies, and the authorities it trusts.

use std::path::PathBuf;

/// Variables that name a proxy, or whom to reach without one.
const PROXIES: [&str; 8] =
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"];

/// Variables that name a file or directory of certificates.
const AUTHORITIES: [&str; 11] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "NIX_SSL_CERT_FILE",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
];

/// Directories of certificates that every sandbox shows.
const SHOWN: [&str; 4] = ["/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/ca-certificates", "/usr/"];

/// The engine's own variables that sandboxes get, below those of their creators.
///
/// A proxy that needs a password is left out: what runs in a sandbox could read it.
pub fn machine_environment() -> Vec<(String, String)> {
    select(|name| std::env::var(name).ok())
}

/// The file with the authorities that the machine trusts, where its variables name one that sandboxes may see.
pub fn certificates() -> Option<PathBuf> {
    let named = select(|name| std::env::var(name).ok());
    let file = named.into_iter().find(|(name, _)| name == "SSL_CERT_FILE").map(|(_, value)| PathBuf::from(value));
    file.filter(|file| file.is_file())
}

/// The same for a root that is an image: files that variables name may not be in there. `certificates` is the one that has the
/// machine's authorities, if there is one.
pub fn image_environment(certificates: Option<&str>) -> Vec<(String, String)> {
    let shown = |(name, value): (String, String)| match AUTHORITIES.contains(&name.as_str()) {
        true => certificates.filter(|_| name != "SSL_CERT_DIR").map(|file| (name, file.to_owned())),
        false => Some((name, value)),
    };
    machine_environment().into_iter().filter_map(shown).collect()
}

fn select(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let given = |name: &&str| variable(name).filter(|value| !value.is_empty()).map(|value| ((*name).to_owned(), value));
    let proxies = PROXIES.iter().filter_map(given).filter(|(_, value)| !value.contains('@'));
    let is_shown = |value: &str| SHOWN.iter().any(|directory| value.starts_with(directory));
    let authorities = AUTHORITIES.iter().filter_map(given).filter(|(_, value)| is_shown(value));
    proxies.chain(authorities).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_hidden_files_stay_outside() {
        let machine = |name: &str| {
            let value = match name {
                "HTTP_PROXY" => "http://proxy.example:3128",
                "HTTPS_PROXY" => "http://user:password@proxy.example:3128",
                "no_proxy" => "localhost",
                "SSL_CERT_FILE" => "/etc/ssl/certs/ca-certificates.crt",
                "PIP_CERT" => "/srv/private.pem",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let names: Vec<String> = select(machine).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["HTTP_PROXY", "no_proxy", "SSL_CERT_FILE"]);
    }
}
