//! Logging in with a browser: OpenID Connect's authorization code flow with PKCE (RFC 7636), as it is meant for programs on a
//! person's own machine (RFC 8252).
//!
//! | file | subject |
//! |---|---|
//! | `issuer` | the issuer that a server trusts: its endpoints, and what is asked of them |
//! | `callback` | the address of this machine at which the browser ends, with the code |
//! | `login` | the whole login |
//! | `renewal` | tokens of a profile that are used up: they are exchanged for new ones, once, whoever needs them |

mod callback;
mod issuer;
mod login;
mod renewal;

pub use issuer::{Issuer, Tokens};
pub use login::{Login, log_in};
pub use renewal::{fresh, is_due, keep_fresh, replace_refused};

use std::time::Duration;

use daytona::Outside;
use url::Url;

use crate::failure::{Done, Failure};

/// How long a server has to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// Completes a request in time.
async fn in_time<T>(asked: &Url, work: impl Future<Output = daytona::Result<T>>) -> Done<T> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Failure::other(format!(
            "{} did not answer within {} seconds.",
            asked.origin().ascii_serialization(),
            LIMIT.as_secs()
        ))),
    }
}

/// Tells the issuer that the login is over, so that its tokens count no more.
///
/// # Errors
/// When it could not be told.
pub async fn log_out(issuer: &Issuer, tokens: &Tokens) -> Done {
    let outside = Outside::new()?;
    issuer.endpoints(&outside).await?.revoke(&outside, tokens).await
}
