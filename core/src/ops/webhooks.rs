//! Verifying webhooks by the Standard Webhooks scheme: HMAC-SHA256 of `{id}.{timestamp}.{body}` under the endpoint's secret.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Sandboxes;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{VerifyWebhookOptions, WebhookEvent};

/// What stands before the base64 of a secret.
const SECRET_PREFIX: &str = "whsec_";

/// Seconds by which clocks may differ.
const TOLERANCE: Duration = Duration::from_secs(300);

impl Sandboxes {
    /// Verifies that a webhook's message comes from the server, and reads it. No request is made.
    ///
    /// # Parameters
    /// * `body`: Body of the request, exactly as it was received.
    /// * `headers`: Headers of the request; names in any case. Needed are `webhook-id`, `webhook-timestamp` and `webhook-signature`,
    ///   or the same with `svix-`.
    /// * `secret`: Secret of the endpoint, as the server showed it.
    ///
    /// # Returns
    /// The message.
    ///
    /// # Errors
    /// `Authentication` when no signature fits or the message is too old, `InvalidArgument` when headers are missing, the secret is
    /// not one, or the body is not JSON.
    pub async fn verify_webhook(
        &self,
        body: &str,
        headers: BTreeMap<String, String>,
        secret: &str,
        options: VerifyWebhookOptions,
    ) -> Result<WebhookEvent> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let tolerance = options.tolerance.unwrap_or(TOLERANCE);
        let verified = async { verify(body, &headers, secret, tolerance, now) };
        self.client.run("sandbox.verify_webhook", DEFAULT_LIMIT, verified).await
    }
}

fn verify(
    body: &str,
    headers: &BTreeMap<String, String>,
    secret: &str,
    tolerance: Duration,
    now: f64,
) -> Result<WebhookEvent> {
    let key = STANDARD.decode(secret.trim().strip_prefix(SECRET_PREFIX).unwrap_or(secret.trim())).ok();
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| {
        Error::invalid_argument("The secret is not one of a webhook endpoint: those are whsec_ and base64.")
    })?;
    let header = |name: &str| {
        let wanted = [format!("webhook-{name}"), format!("svix-{name}")];
        let found = wanted.iter().find_map(|wanted| {
            headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
        });
        found.ok_or_else(|| Error::invalid_argument(format!("The headers have no webhook-{name}.")))
    };
    let (id, timestamp, signatures) = (header("id")?, header("timestamp")?, header("signature")?);
    let sent_at: i64 = timestamp.trim().parse().map_err(|_| {
        Error::invalid_argument(format!("The header webhook-timestamp is {timestamp:?}, not a number of seconds."))
    })?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)
        .map_err(|error| Error::new(ErrorKind::Internal, "The signature cannot be computed").with_source(error))?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    // A secret that was replaced signs for some time too, so there may be several.
    let fits = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,")).any(|signature| {
        let signature = STANDARD.decode(signature);
        signature.is_ok_and(|signature| mac.clone().verify_slice(&signature).is_ok())
    });
    if !fits {
        let message =
            "The webhook's signature does not fit: check that the body is unchanged and the secret is the endpoint's.";
        return Err(Error::new(ErrorKind::Authentication, message));
    }
    let tolerance = tolerance.as_secs_f64();
    if tolerance > 0.0 && (now - sent_at as f64).abs() > tolerance {
        let message =
            format!("The webhook was sent {:.0} s from now, which is more than {tolerance} s.", now - sent_at as f64);
        return Err(Error::new(ErrorKind::Authentication, message));
    }
    let payload: serde_json::Value = serde_json::from_str(body)
        .map_err(|error| Error::invalid_argument("The body of the webhook is not JSON").with_source(error))?;
    let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
    Ok(WebhookEvent {
        id: id.to_owned(),
        event: text("event"),
        sent_at,
        organization_id: text("organizationId"),
        object_id: text("id"),
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the scheme's specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SENT: f64 = 1_614_265_330.0;

    fn headers(prefix: &str, signature: &str) -> BTreeMap<String, String> {
        let pairs = [("Id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("Timestamp", "1614265330"), ("Signature", signature)];
        pairs.map(|(name, value)| (format!("{prefix}-{name}"), value.to_owned())).into()
    }

    #[test]
    fn what_the_server_signed_is_taken_under_both_names() {
        let signature = "v2,other v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        for prefix in ["Webhook", "svix"] {
            let event = verify(BODY, &headers(prefix, signature), SECRET, TOLERANCE, SENT + 299.0).unwrap();
            assert_eq!((event.id.as_str(), event.sent_at), ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330));
            assert_eq!(event.payload["test"], 2_432_232_314_u64);
        }
        assert!(verify(BODY, &headers("webhook", signature), SECRET, Duration::ZERO, 0.0).is_ok());
    }

    #[test]
    fn what_others_signed_or_sent_again_is_refused() {
        let signed = headers("webhook", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let kind = |body: &str, headers: &BTreeMap<String, String>, secret: &str, now: f64| {
            verify(body, headers, secret, TOLERANCE, now).unwrap_err().kind()
        };
        assert_eq!(kind("{}", &signed, SECRET, SENT), ErrorKind::Authentication);
        assert_eq!(kind(BODY, &signed, "whsec_AAAA", SENT), ErrorKind::Authentication);
        assert_eq!(kind(BODY, &signed, SECRET, SENT + 301.0), ErrorKind::Authentication);
        assert_eq!(kind(BODY, &signed, SECRET, SENT - 301.0), ErrorKind::Authentication);
        assert_eq!(kind(BODY, &headers("webhook", "v1,"), SECRET, SENT), ErrorKind::Authentication);
        assert_eq!(kind(BODY, &BTreeMap::new(), SECRET, SENT), ErrorKind::InvalidArgument);
        assert_eq!(kind(BODY, &signed, "whsec_", SENT), ErrorKind::InvalidArgument);
        let error = verify(BODY, &signed, "whsec_not base64", TOLERANCE, SENT).unwrap_err();
        assert!(!error.to_string().contains("not base64"), "secrets stay out of errors");
    }
}
