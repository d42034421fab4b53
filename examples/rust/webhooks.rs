//! Webhooks: a message is verified before it is believed.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example webhooks
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use daytona::model::VerifyWebhookOptions;
use daytona::{Client, Config, ErrorKind, Result};

/// A message as a web framework hands it over, and the secret of the endpoint it was sent to.
const BODY: &str = r#"{"test": 2432232314}"#;
const HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    ("webhook-timestamp", "1614265330"),
    ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
];
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// This message is from 2021; without a tolerance those of the last five minutes are taken.
const ANY_TIME: Option<Duration> = Some(Duration::ZERO);

// region: receive
async fn receive(daytona: &Client, headers: BTreeMap<String, String>, tolerance: Option<Duration>) -> Result<u16> {
    let options = VerifyWebhookOptions { tolerance };
    match daytona.sandboxes().verify_webhook(BODY, headers, SECRET, options).await {
        Ok(message) => println!("{} {} {}", message.id, message.event, message.payload),
        Err(error) if error.kind() == ErrorKind::Authentication => return Ok(401),
        Err(error) => return Err(error),
    }
    Ok(204)
}
// endregion

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let headers: BTreeMap<_, _> = HEADERS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    println!("{}", receive(&daytona, headers.clone(), ANY_TIME).await?);
    println!("{}", receive(&daytona, headers, None).await?);
    Ok(())
}
