//! The whole login.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daytona::{Outside, without_secrets};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::callback::{self, Brought, Callback};
use super::in_time;
use super::issuer::{Issuer, Tokens};
use crate::browser;
use crate::failure::{Done, Failure};
use crate::output::tell;
use crate::stdin;

/// How long somebody has to log in.
const PATIENCE: Duration = Duration::from_secs(600);

/// A login with a browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Who gave the tokens.
    #[serde(flatten)]
    pub issuer: Issuer,
    /// Id of the organization that requests are for, unless another is chosen.
    pub organization: String,
    /// The tokens, unless they are in the keyring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// Logs a person in at the server's issuer. The address of the page is told, and opened in a browser if `opens` is set; where there is a terminal,
/// the address that the browser ends at can be pasted, for browsers on other machines.
///
/// # Errors
/// When the issuer refuses, when nobody logs in, and when the server takes no token of the person.
pub async fn log_in(api_url: &Url, issuer: Issuer, port: u16, opens: bool) -> Done<Login> {
    let outside = Outside::new()?;
    let endpoints = issuer.endpoints(&outside).await?;
    let callback = Callback::listen(port).await?;
    let (state, verifier) = (random()?, random()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let page = endpoints.page(&callback.url(), &state, &challenge);
    tell(&format!("Log in with your browser, or with an API key instead: daytona login --api-key -\n\n{page}\n"));
    if opens {
        browser::open(page.as_str());
    }
    let brought = tokio::select! {
        brought = callback.wait(&state, endpoints.issuer()) => brought,
        pasted = pasted(&state, endpoints.issuer()), if stdin::is_interactive() => pasted?,
        () = tokio::time::sleep(PATIENCE) => {
            return Err(Failure::other(format!("Nobody logged in within {} minutes.", PATIENCE.as_secs() / 60)));
        }
    };
    let code = match brought {
        Brought::Code(code) => code,
        Brought::Refusal(why) => return Err(Failure::NotLoggedIn(format!("The issuer refused the login: {why}"))),
    };
    let tokens = endpoints.exchange(&outside, &code, &verifier, &callback.url()).await?;
    let organization = organization(&outside, api_url, &tokens.access_token).await?;
    Ok(Login { issuer, organization, tokens: Some(tokens) })
}

/// Text that nobody guesses.
fn random() -> Done<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::other(format!("the system gives no random numbers: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The address that a browser on another machine ended at, typed in.
async fn pasted(state: &str, issuer: &str) -> Done<Brought> {
    tell("If the browser is on another machine, paste the address here that it ends at.");
    loop {
        let Some(line) = stdin::answer().await? else {
            // Nobody types any more.
            return std::future::pending().await;
        };
        if line.trim().is_empty() {
            continue;
        }
        match Url::parse(line.trim()).ok().and_then(|url| callback::read(&url, state, issuer)) {
            Some(brought) => return Ok(brought),
            None => tell("This is not the address that this login ends at, which begins with http://localhost."),
        }
    }
}

/// The organization of somebody who has chosen none: the personal one, or the first.
async fn organization(outside: &Outside, api_url: &Url, token: &str) -> Done<String> {
    let place = Url::parse(&format!("{}/organizations", api_url.as_str().trim_end_matches('/')));
    let place =
        place.map_err(|_| Failure::usage(format!("{} is not a usable URL.", without_secrets(api_url.as_str()))))?;
    let answer = in_time(&place, outside.get(&place, Some(token))).await?;
    if answer.status != 200 {
        return Err(Failure::NotLoggedIn(format!(
            "The server does not take the issuer's token: it answered with status {}.",
            answer.status
        )));
    }
    let all: Vec<Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
    let personal = all.iter().find(|organization| organization["personal"] == true);
    let id = personal.or(all.first()).and_then(|organization| organization["id"].as_str());
    id.map(str::to_owned).ok_or_else(|| Failure::other("You are a member of no organization yet."))
}
