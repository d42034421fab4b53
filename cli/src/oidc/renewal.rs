//! Tokens of a profile that are used up: they are exchanged for new ones, once, whoever needs them. Many issuers take a refresh
//! token once only, and end the whole login when it comes again; so a program that needs new tokens waits for another that asks
//! for them, and uses what that one got.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use daytona::{Client, Outside};

use super::issuer::Tokens;
use super::login::Login;
use crate::failure::{Done, Failure};
use crate::profile::{self, Profile, Profiles};

/// How often a program that runs long looks at the clock: one that slept with its machine must not oversleep.
const LOOK: Duration = Duration::from_secs(30);
/// The wait after an exchange that failed.
const AGAIN: Duration = Duration::from_secs(10);
/// The wait after one that succeeded, for issuers whose tokens last no time.
const SHORTEST: Duration = Duration::from_secs(1);

/// The profile with tokens that count.
///
/// # Errors
/// `NotLoggedIn` when the issuer says that the login is over; otherwise when the old tokens have ended and there are no new ones.
pub async fn fresh(name: &str, profile: Profile) -> Done<Profile> {
    if !is_due(&profile) {
        return Ok(profile);
    }
    let _turn = turn().await?;
    // Another program may have been here.
    let profile = Profiles::load()?.open(name)?;
    let (true, Some(login)) = (is_due(&profile), &profile.login) else { return Ok(profile) };
    match renewed(login).await {
        Ok(login) => Profiles::keep_login(name, profile, login),
        // They count for another minute: the issuer may be back by then.
        Err(Failure::Api(_) | Failure::Other(_)) if !has_ended(&profile) => Ok(profile),
        Err(Failure::NotLoggedIn(why)) => Err(Failure::NotLoggedIn(format!(
            "The login of profile {name:?} is over. {why} Log in again: daytona login --profile {name}"
        ))),
        Err(failure) => Err(failure),
    }
}

/// Gives the client of a profile new tokens as long as it is used.
pub async fn keep_fresh(name: &str, mut profile: Profile, client: &Client) -> Infallible {
    loop {
        match profile.tokens().and_then(Tokens::remaining) {
            // They never end, or nothing can be done about it.
            None => std::future::pending().await,
            Some(0) => match newest(name, client).await {
                Ok(newer) => {
                    profile = newer;
                    // Tokens that last no longer than the margin are due at once: half of their time is waited for.
                    let half = profile.tokens().map_or(0, |tokens| tokens.lasts() / 2);
                    let is_due = is_due(&profile);
                    tokio::time::sleep(if is_due { SHORTEST.max(Duration::from_secs(half)) } else { SHORTEST }).await;
                }
                // Requests will say what is wrong.
                Err(_) => tokio::time::sleep(AGAIN).await,
            },
            Some(remaining) => tokio::time::sleep(LOOK.min(Duration::from_secs(remaining))).await,
        }
    }
}

async fn newest(name: &str, client: &Client) -> Done<Profile> {
    let profile = fresh(name, Profiles::load()?.open(name)?).await?;
    if let Some(tokens) = profile.tokens() {
        client.replace_token(&tokens.access_token)?;
    }
    Ok(profile)
}

async fn renewed(login: &Login) -> Done<Login> {
    let outside = Outside::new()?;
    let refresh_token = login.tokens.as_ref().and_then(|tokens| tokens.refresh_token.as_deref()).unwrap_or_default();
    let tokens = login.issuer.endpoints(&outside).await?.renew(&outside, refresh_token).await?;
    Ok(Login { tokens: Some(tokens), ..login.clone() })
}

fn is_due(profile: &Profile) -> bool {
    profile.tokens().is_some_and(|tokens| tokens.remaining() == Some(0))
}

fn has_ended(profile: &Profile) -> bool {
    profile.tokens().is_some_and(|tokens| tokens.have_ended())
}

/// The turn of this program, until dropped.
async fn turn() -> Done<File> {
    let mut lock = OpenOptions::new();
    let lock = lock.create(true).append(true).mode(0o600).open(profile::directory()?.join("login.lock"))?;
    // Apart, because an interrupt must be heard meanwhile.
    let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
    Ok(locked.map_err(Failure::other)??)
}
