//! A user name and password for one remote, given to git so that nobody else can see them.
//!
//! They travel through a pipe that only this git and its credential helper inherit: they are never an argument, an
//! environment variable or a file, and git has no other way to ask for them. The helper answers for the remote's own host
//! alone, so a server that redirects git elsewhere does not get them there. Where the toolbox has a real user of its own, so has
//! this git, and the sandbox's user cannot look into it; elsewhere nothing keeps a user's processes apart.

use std::io::{self, PipeReader, Write};

use super::command::Git;
use crate::errors::ApiError;

/// The descriptor the credential helper reads.
pub(super) const DESCRIPTOR: i32 = 9;
/// Answers `get` with what the pipe holds, and ignores `store` and `erase`.
const HELPER: &str = "!f() { test \"$1\" = get && cat <&9; }; f";
/// Stands for a password in what a server said.
const HIDDEN: &str = "***";

/// A user's credentials at a remote.
#[derive(Clone)]
pub(super) struct Credentials {
    username: String,
    password: String,
    /// `scheme://host[:port]` of where they may be shown.
    origins: Vec<String>,
}

impl Credentials {
    /// Credentials for where `urls` lead. They count only when both parts are there (wire section 3.5), and over HTTP.
    ///
    /// # Errors
    /// 400 when they cannot be passed to git.
    pub(super) fn of(
        username: Option<String>,
        password: Option<String>,
        urls: &[impl AsRef<str>],
    ) -> Result<Option<Self>, ApiError> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (Some(username), Some(password)) = (filled(username), filled(password)) else { return Ok(None) };
        if [&username, &password].iter().any(|text| text.contains(['\n', '\0'])) {
            return Err(ApiError::bad_request("the user name or password holds a line break or NUL"));
        }
        let origins: Vec<_> = urls.iter().map(|url| origins(url.as_ref())).collect();
        // One that is not reached over HTTP has no use for them, and its git must be the user's own.
        let usable = !origins.is_empty() && !origins.iter().any(Vec::is_empty);
        Ok(usable.then(|| Self { username, password, origins: origins.concat() }))
    }

    /// Makes git ask the helper, and no other, for these origins.
    pub(super) fn configure(&self, git: Git) -> Git {
        // The empty one first: it forgets helpers configured elsewhere.
        let git = git.args(["-c", "credential.helper="]);
        let helper = |origin: &String| format!("credential.{origin}.helper={HELPER}");
        self.origins.iter().fold(git, |git, origin| git.args(["-c", &helper(origin)]))
    }

    /// The lines that the helper reads.
    pub(super) fn pipe(&self) -> io::Result<PipeReader> {
        let (reader, mut writer) = io::pipe()?;
        // A pipe holds more than a request's credentials may sensibly be; a longer pair fails instead of waiting.
        let text = format!("username={}\npassword={}\n", self.username, self.password);
        if text.len() > 4096 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        writer.write_all(text.as_bytes())?;
        Ok(reader)
    }

    /// `text` without the password, which a server may have repeated.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.password, HIDDEN)
    }
}

/// Where credentials given for `url` may be shown: its own host, also when it changes from HTTP to HTTPS.
pub(super) fn origins(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return Vec::new() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.to_ascii_lowercase().as_str() {
        "https" => vec![format!("https://{host}")],
        "http" => {
            let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
            let name = port.map_or(host.as_str(), |(name, _)| name);
            vec![format!("http://{host}"), format!("https://{name}")]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_for_the_urls_own_host() {
        assert_eq!(origins("https://me:old@example.com:8443/a@b?c"), ["https://example.com:8443"]);
        assert_eq!(origins("http://example.com:81/a"), ["http://example.com:81", "https://example.com"]);
        assert_eq!(origins("https://Example.com/a"), ["https://example.com"]);
        assert_eq!(origins("HTTP://[::1]/a"), ["http://[::1]", "https://[::1]"]);
        assert!(origins("git@example.com:a/b").is_empty());
        assert!(origins("ssh://example.com/a").is_empty());
    }
}
