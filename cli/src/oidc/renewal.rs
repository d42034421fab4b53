//! Tokens of a profile that are used up: they are exchanged for new ones, once, whoever needs them. Many issuers take a refresh
//! token once only, and end the whole login when it comes again; so a program that needs new tokens waits for another that asks
//! for them, and uses what that one got. An exchange that has begun goes on until its tokens are kept, also when the program
//! is to end.

use std::convert::Infallible;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use daytona::{Client, Outside, cleanup};
use tokio::sync::oneshot;

use super::issuer::Tokens;
use crate::failure::{Done, Failure};
use crate::profile::{self, Profile, Profiles};

/// How often a program that runs long looks at the clock: one that slept with its machine must not oversleep.
const LOOK: Duration = Duration::from_secs(30);
/// The wait after an exchange that failed, or where another program had the turn.
const AGAIN: Duration = Duration::from_secs(5);
/// The wait after one that succeeded, for issuers whose tokens last no time.
const SHORTEST: Duration = Duration::from_secs(1);
/// The time between two renewals because the server has refused tokens, which may be for another reason than their age.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(60);
/// The longest that another program is waited for: twice as long as its issuer has to answer, and a little more.
const TURN_LIMIT: Duration = Duration::from_secs(75);
const TURN_POLL: Duration = Duration::from_millis(20);

/// The profile with tokens that count.
///
/// # Errors
/// `NotLoggedIn` when the issuer says that the login is over; otherwise when the old tokens have ended and there are no new ones.
pub async fn fresh(name: &str, profile: Profile) -> Done<Profile> {
    if !is_due(&profile) {
        return Ok(profile);
    }
    // Those that count for another minute need not wait: the next program, or this one in a while, renews them.
    let patience = if has_ended(&profile) { TURN_LIMIT } else { Duration::ZERO };
    match renewed(name, patience, is_due).await {
        // The issuer may be back by then, too.
        Err(Failure::Api(_) | Failure::Other(_)) if !has_ended(&profile) => Ok(profile),
        renewed => renewed,
    }
}

/// Gives the client of a profile new tokens as long as it is used.
pub async fn keep_fresh(name: &str, mut profile: Profile, client: &Client) -> Infallible {
    loop {
        match profile.tokens().and_then(Tokens::remaining) {
            // They never end, or nothing can be done about it.
            None => std::future::pending().await,
            Some(0) => match newest(name, client).await {
                Ok(same) if same.tokens() == profile.tokens() => tokio::time::sleep(AGAIN).await,
                Ok(newer) => {
                    profile = newer;
                    // Tokens that last no longer than the margin are due at once: half of their time is waited for.
                    let half = profile.tokens().map_or(0, |tokens| tokens.lasts() / 2);
                    let is_due = is_due(&profile);
                    tokio::time::sleep(if is_due { SHORTEST.max(Duration::from_secs(half)) } else { SHORTEST }).await;
                }
                Err(Failure::NotLoggedIn(_)) => profile = another_login(name, profile).await,
                // Requests will say what is wrong.
                Err(_) => tokio::time::sleep(AGAIN).await,
            },
            Some(remaining) => tokio::time::sleep(LOOK.min(Duration::from_secs(remaining))).await,
        }
    }
}

/// Has the client of a profile ask for new tokens also when the server takes the old ones no more before their time.
pub fn replace_refused(name: &str, client: &Client) {
    let name = name.to_owned();
    let last = Arc::new(Mutex::new(None::<Instant>));
    client.renew_tokens_with(move |refused| {
        let (name, last) = (name.clone(), last.clone());
        async move {
            let is_other =
                |profile: &Profile| profile.tokens().filter(|tokens| tokens.access_token != refused).cloned();
            let profile = match opened(&name).await {
                Ok(profile) if is_other(&profile).is_some() => profile,
                _ => {
                    if last
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .is_some_and(|at| at.elapsed() < BETWEEN_REFUSALS)
                    {
                        return None;
                    }
                    let renewed = renewed(&name, TURN_LIMIT, |profile| is_other(profile).is_none()).await;
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    // The request fails with the server's refusal, which says more about it.
                    renewed.ok()?
                }
            };
            is_other(&profile).map(|tokens| tokens.access_token)
        }
    });
}

/// The profile once it has other tokens than those that the issuer has refused for good: somebody logs in again.
async fn another_login(name: &str, refused: Profile) -> Profile {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Ok(profile) = opened(name).await
            && profile.tokens() != refused.tokens()
        {
            return profile;
        }
    }
}

async fn newest(name: &str, client: &Client) -> Done<Profile> {
    let profile = fresh(name, opened(name).await?).await?;
    if let Some(tokens) = profile.tokens() {
        client.replace_token(&tokens.access_token)?;
    }
    Ok(profile)
}

/// The profile with new tokens, unless another program has seen to that: it waits for one that does.
async fn renewed(name: &str, patience: Duration, is_needed: impl Fn(&Profile) -> bool) -> Done<Profile> {
    let place = profile::directory()?.join("login.lock");
    let turn = turn(&place, patience).await?;
    let profile = opened(name).await?;
    let refresh_token = profile.tokens().and_then(|tokens| tokens.refresh_token.clone());
    let (true, Some(login), Some(refresh_token)) = (is_needed(&profile), &profile.login, refresh_token) else {
        return Ok(profile);
    };
    let outside = Outside::new()?;
    let endpoints = login.issuer.endpoints(&outside).await?;
    apart(Profiles::can_be_changed).await?;
    let (done, answer) = oneshot::channel();
    let owner = name.to_owned();
    // From here on the old refresh token may count no more: whoever ends this program waits for the new one to be kept.
    cleanup::spawn(async move {
        let kept = match endpoints.renew(&outside, &refresh_token).await {
            Ok(tokens) => apart(move || Profiles::keep_tokens(&owner, profile, tokens)).await,
            Err(failure) => Err(failure),
        };
        drop(turn);
        // Nobody may want it any more.
        let _ = done.send(kept);
    });
    match answer.await {
        Ok(Err(Failure::NotLoggedIn(why))) => Err(Failure::NotLoggedIn(format!(
            "The login of profile {name:?} is over. {why} Log in again: daytona login --profile {name}"
        ))),
        Ok(kept) => kept,
        Err(_) => Err(Failure::other("the exchange of tokens was given up")),
    }
}

/// The profile as it is kept now.
async fn opened(name: &str) -> Done<Profile> {
    let name = name.to_owned();
    apart(move || Profiles::load()?.open(&name)).await
}

/// Runs what may wait for a file or a keyring, while an interrupt is heard.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Done<T> + Send + 'static) -> Done<T> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::other)?
}

/// Whether tokens should be exchanged for new ones now.
pub fn is_due(profile: &Profile) -> bool {
    profile.tokens().is_some_and(|tokens| tokens.remaining() == Some(0))
}

fn has_ended(profile: &Profile) -> bool {
    profile.tokens().is_some_and(|tokens| tokens.have_ended())
}

/// The turn of this program, until dropped.
async fn turn(place: &Path, patience: Duration) -> Done<File> {
    let failed = |error: std::io::Error| Failure::other(format!("{} cannot be locked: {error}", place.display()));
    let mut lock = OpenOptions::new();
    let lock = lock.create(true).append(true).mode(0o600).open(place).map_err(failed)?;
    let begun = tokio::time::Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                return Err(Failure::other(format!(
                    "Another daytona program has been renewing this login for {} seconds and holds {}: end it, and try again.",
                    patience.as_secs(),
                    place.display()
                )));
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(TURN_POLL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_program_is_not_waited_for_without_end() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("login.lock");
        let other = turn(&place, Duration::ZERO).await.unwrap();
        let Err(Failure::Other(told)) = turn(&place, Duration::from_millis(50)).await else { panic!() };
        assert!(told.contains("Another daytona program") && told.contains("login.lock"), "{told}");
        drop(other);
        turn(&place, Duration::ZERO).await.unwrap();
    }
}
