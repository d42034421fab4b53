//! The issuer that a server trusts: its endpoints (OpenID Connect Discovery), and what is asked of them.

use daytona::{Answer, Outside, without_secrets};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::{Host, Url};

use super::in_time;
use crate::failure::{Done, Failure};

/// Tokens are exchanged for new ones this many seconds before they end.
const MARGIN: i64 = 60;

/// The most that is quoted of what an issuer says.
const QUOTED: usize = 300;

/// Whom a server takes tokens of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// Its URL, exactly as it calls itself.
    #[serde(rename = "issuer")]
    url: String,
    /// The name of this program to it.
    client_id: String,
    /// Whom its tokens are for.
    #[serde(default)]
    audience: String,
}

/// Tokens of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Sent with requests.
    pub access_token: String,
    /// Exchanged for new tokens, if the issuer gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Second since 1970 at which the access token ends, if the issuer said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl Tokens {
    /// Seconds until they should be exchanged for new ones: 0 when that is due; `None` when it cannot be done or nobody knows.
    pub fn remaining(&self) -> Option<u64> {
        self.refresh_token.as_ref()?;
        Some((self.expires_at? - MARGIN - now()).max(0).unsigned_abs())
    }

    /// Seconds until they count no more, 0 where nobody knows.
    pub fn lasts(&self) -> u64 {
        self.expires_at.map_or(0, |end| (end - now()).max(0).unsigned_abs())
    }

    /// Whether they count no more.
    pub fn have_ended(&self) -> bool {
        self.expires_at.is_some_and(|end| end <= now())
    }
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// Where an issuer is asked what.
pub struct Endpoints {
    authorization: Url,
    token: Url,
    revocation: Option<Url>,
    issuer: Issuer,
}

/// What an issuer says of itself.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    revocation_endpoint: Option<String>,
}

impl Issuer {
    /// The issuer whose tokens the server at `api_url` takes; `None` when it says that there is none.
    ///
    /// # Errors
    /// When the server does not say, or names one that must not be asked.
    pub async fn of(outside: &Outside, api_url: &Url) -> Done<Option<Self>> {
        #[derive(Deserialize)]
        struct Configuration {
            oidc: Issuer,
        }
        let place = below(api_url, "config")?;
        let answer = in_time(&place, outside.get(&place, None)).await?;
        let read: Configuration = read(&answer, "the server's configuration")?;
        if read.oidc.url.is_empty() || read.oidc.client_id.is_empty() {
            return Ok(None);
        }
        // Whoever listens to a conversation with the server could name any issuer in it.
        if api_url.scheme() == "https" && !read.oidc.url.starts_with("https://") {
            return Err(Failure::other("The server names an issuer of tokens without https://, which is not asked."));
        }
        Ok(Some(read.oidc))
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is asked what.
    ///
    /// # Errors
    /// When it does not say, or says that it is another.
    pub async fn endpoints(&self, outside: &Outside) -> Done<Endpoints> {
        let url = Url::parse(&self.url)
            .map_err(|_| Failure::other(format!("{:?} is not the URL of an issuer.", self.url)))?;
        let place = below(&url, ".well-known/openid-configuration")?;
        let answer = in_time(&place, outside.get(&place, None)).await?;
        let found: Description = read(&answer, "the issuer's description")?;
        if found.issuer != self.url {
            return Err(Failure::other(format!("The issuer {} calls itself {}.", self.url, found.issuer)));
        }
        let checked = |endpoint: &str| {
            let parsed = Url::parse(endpoint).ok().filter(|endpoint| may_be_asked(&url, endpoint));
            let refused = || format!("The issuer names {endpoint}, which is not asked: it needs https://.");
            parsed.ok_or_else(|| Failure::other(refused()))
        };
        Ok(Endpoints {
            authorization: checked(&found.authorization_endpoint)?,
            token: checked(&found.token_endpoint)?,
            revocation: found.revocation_endpoint.as_deref().map(checked).transpose()?,
            issuer: self.clone(),
        })
    }
}

/// Whether secrets may travel there. Somebody who tests has an issuer without encryption.
fn may_be_asked(issuer: &Url, endpoint: &Url) -> bool {
    let is_here = match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    endpoint.scheme() == "https"
        || (endpoint.scheme() == "http" && issuer.scheme() == "http" && (is_here || issuer.host() == endpoint.host()))
}

impl Endpoints {
    /// The page on which a person logs in. The browser then goes to `redirect` with `state` and a code, which only the one who
    /// knows what `challenge` was made of can exchange.
    pub fn page(&self, redirect: &str, state: &str, challenge: &str) -> Url {
        let mut page = self.authorization.clone();
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.issuer.client_id)
            .append_pair("redirect_uri", redirect)
            // The last one is for tokens that outlive the browser's session.
            .append_pair("scope", "openid profile email offline_access")
            .append_pair("state", state)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        if !self.issuer.audience.is_empty() {
            page.query_pairs_mut().append_pair("audience", &self.issuer.audience);
        }
        page
    }

    /// What the issuer calls itself.
    pub fn issuer(&self) -> &str {
        &self.issuer.url
    }

    /// Exchanges a code for tokens.
    ///
    /// # Errors
    /// When the issuer refuses.
    pub async fn exchange(&self, outside: &Outside, code: &str, verifier: &str, redirect: &str) -> Done<Tokens> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect),
            ("client_id", &self.issuer.client_id),
        ];
        self.tokens(outside, &fields).await
    }

    /// Exchanges tokens for new ones.
    ///
    /// # Errors
    /// When the issuer refuses: `NotLoggedIn` when it says that the login is over.
    pub async fn renew(&self, outside: &Outside, refresh_token: &str) -> Done<Tokens> {
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", &self.issuer.client_id)];
        let mut tokens = self.tokens(outside, &fields).await?;
        // Not every issuer gives a new one each time.
        tokens.refresh_token.get_or_insert_with(|| refresh_token.to_owned());
        Ok(tokens)
    }

    /// Makes tokens count no more, where the issuer can do that (RFC 7009).
    ///
    /// # Errors
    /// When it refuses.
    pub async fn revoke(&self, outside: &Outside, tokens: &Tokens) -> Done {
        let Some(place) = &self.revocation else { return Ok(()) };
        let token = tokens.refresh_token.as_deref().unwrap_or(&tokens.access_token);
        let fields = [("token", token), ("client_id", self.issuer.client_id.as_str())];
        let answer = in_time(place, outside.post_form(place, &fields)).await?;
        if answer.status == 200 { Ok(()) } else { Err(refused(&answer)) }
    }

    async fn tokens(&self, outside: &Outside, fields: &[(&str, &str)]) -> Done<Tokens> {
        #[derive(Deserialize)]
        struct Given {
            access_token: String,
            #[serde(default)]
            refresh_token: Option<String>,
            #[serde(default)]
            expires_in: Option<f64>,
        }
        let answer = in_time(&self.token, outside.post_form(&self.token, fields)).await?;
        if answer.status != 200 {
            return Err(refused(&answer));
        }
        let given: Given = read(&answer, "the issuer's answer")?;
        Ok(Tokens {
            access_token: given.access_token,
            refresh_token: given.refresh_token.filter(|token| !token.is_empty()),
            // As a float, because some write it so; more than a year is as good as that.
            expires_at: given.expires_in.map(|seconds| now() + seconds.clamp(0.0, 31_536_000.0) as i64),
        })
    }
}

/// A path below a URL.
fn below(url: &Url, path: &str) -> Done<Url> {
    let base = url.as_str().trim_end_matches('/');
    let refused = || Failure::other(format!("{} is not a usable URL.", without_secrets(url.as_str())));
    Url::parse(&format!("{base}/{path}")).map_err(|_| refused())
}

fn read<T: for<'a> Deserialize<'a>>(answer: &Answer, what: &str) -> Done<T> {
    if answer.status != 200 {
        return Err(Failure::other(format!("{what} cannot be read: the answer has status {}", answer.status)));
    }
    // What cannot be understood may hold tokens: it is not quoted.
    serde_json::from_slice(&answer.body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            Failure::other(format!("{what} lacks a field, or has one of another kind"))
        }
        _ => Failure::other(format!("{what} is not JSON")),
    })
}

/// The issuer's refusal in its own words (RFC 6749, 5.2).
fn refused(answer: &Answer) -> Failure {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        error: String,
        error_description: String,
    }
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    let words = [refusal.error.as_str(), refusal.error_description.as_str()];
    let said: String = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(": ");
    let said: String = said.chars().take(QUOTED).collect();
    match refusal.error.as_str() {
        "" => Failure::other(format!("The issuer answered with status {}.", answer.status)),
        // Asked again, it says so again.
        "invalid_grant" | "invalid_client" | "unauthorized_client" => {
            Failure::NotLoggedIn(format!("The issuer says {said}."))
        }
        _ => Failure::other(format!("The issuer says {said}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_encrypted_unless_the_issuer_is_not() {
        let asked = |issuer: &str, endpoint: &str| may_be_asked(&issuer.parse().unwrap(), &endpoint.parse().unwrap());
        assert!(asked("https://issuer.example", "https://login.example/token"));
        assert!(!asked("https://issuer.example", "http://issuer.example/token"));
        assert!(!asked("https://issuer.example", "file:///etc/passwd"));
        assert!(asked("http://127.0.0.1:1", "http://localhost:2/token"));
        assert!(!asked("http://127.0.0.1:1", "http://elsewhere.example/token"));
    }

    #[test]
    fn tokens_are_renewed_in_time() {
        let tokens = |refresh_token: Option<&str>, expires_at| Tokens {
            access_token: String::new(),
            refresh_token: refresh_token.map(str::to_owned),
            expires_at,
        };
        assert_eq!(tokens(Some("r"), Some(now() + 30)).remaining(), Some(0));
        assert!(tokens(Some("r"), Some(now() + 1000)).remaining().is_some_and(|rest| rest > 900));
        assert!((25..=30).contains(&tokens(Some("r"), Some(now() + 30)).lasts()));
        assert_eq!((tokens(Some("r"), Some(0)).lasts(), tokens(Some("r"), None).lasts()), (0, 0));
        assert_eq!(tokens(None, Some(0)).remaining(), None);
        assert_eq!(tokens(Some("r"), None).remaining(), None);
        assert!(tokens(None, Some(now() - 1)).have_ended() && !tokens(None, None).have_ended());
    }
}
