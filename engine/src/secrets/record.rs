//! A secret as the control plane knows it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::errors::{ApiError, ApiResult};
use crate::network::{self, Domains, PREFIX};
use crate::sandboxes::sandbox::{iso, now_millis};
use crate::secret;

/// The longest value, in bytes, and the longest name and description.
const LONGEST_VALUE: usize = 64 << 10;
const LONGEST_NAME: usize = 256;
const LONGEST_DESCRIPTION: usize = 1024;

/// The most hosts of a secret.
const MOST_HOSTS: usize = 100;

/// One secret. Times are UTC milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// UUID v4.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: String,
    /// Unique in the organization.
    pub name: String,
    /// What it is, in the words of whoever made it.
    pub description: Option<String>,
    /// The value, which nobody is told.
    pub value: String,
    /// What sandboxes have in its place.
    pub placeholder: String,
    /// Whom it may be sent to; everybody when empty.
    pub hosts: Vec<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Secret {
    /// A new one, of checked parts.
    pub fn new(
        organization_id: String,
        name: String,
        value: String,
        description: Option<String>,
        hosts: Vec<String>,
    ) -> Self {
        let now = now_millis();
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            organization_id,
            name,
            description,
            value,
            placeholder: format!("{PREFIX}{}", secret::token(32)),
            hosts,
            created_at: now,
            updated_at: now,
        }
    }

    /// The wire's document, without the value.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "id": self.id,
            "name": self.name,
            "placeholder": self.placeholder,
            "hosts": self.hosts,
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.updated_at),
        });
        if let Some(description) = &self.description {
            document["description"] = json!(description);
        }
        document
    }

    /// The same for a sandbox's connections.
    pub fn for_network(&self) -> network::Secret {
        network::Secret {
            name: self.name.clone(),
            placeholder: self.placeholder.clone(),
            value: self.value.clone(),
            hosts: Domains::of(&self.hosts.join(",")),
        }
    }
}

/// Checks a name: a letter or underscore, then letters, digits, underscores and hyphens.
pub fn check_name(name: &str) -> ApiResult<()> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if begins && name.len() <= LONGEST_NAME && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "name must be a letter or an underscore, then letters, digits, underscores and hyphens, {LONGEST_NAME} at most"
    )))
}

/// Checks a value, without telling it.
pub fn check_value(value: &str) -> ApiResult<()> {
    match value.len() {
        0 => Err(ApiError::bad_request("value should not be empty")),
        length if length > LONGEST_VALUE => {
            Err(ApiError::bad_request(format!("value must be no longer than {LONGEST_VALUE} bytes")))
        }
        _ => Ok(()),
    }
}

/// Checks a description.
pub fn check_description(description: &str) -> ApiResult<()> {
    if description.chars().count() <= LONGEST_DESCRIPTION {
        return Ok(());
    }
    Err(ApiError::bad_request(format!("description must be no longer than {LONGEST_DESCRIPTION} characters")))
}

/// Reads the hosts of a request: names, each of which may begin with `*.`, and no ports.
pub fn read_hosts(list: &[Value]) -> ApiResult<Vec<String>> {
    if list.len() > MOST_HOSTS {
        return Err(ApiError::bad_request(format!("hosts must contain no more than {MOST_HOSTS} elements")));
    }
    let read = |host: &Value| {
        let text = host.as_str().ok_or_else(|| ApiError::bad_request("each value in hosts must be a string"))?;
        let name = text.to_ascii_lowercase();
        if is_host(&name) {
            return Ok(name);
        }
        Err(ApiError::bad_request(format!(
            "Invalid host: \"{text}\". Must be a host name such as api.example.com or *.example.com, without scheme, port and path"
        )))
    };
    list.iter().map(read).collect()
}

fn is_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // An address proves nothing about who has it.
    let is_name = |name: &str| name.bytes().any(|byte| byte.is_ascii_alphabetic());
    name.len() <= 253 && is_name(name) && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hosts_are_what_they_say() {
        for name in ["A", "_a", "anthropic-prod", "DB_PASSWORD_2"] {
            check_name(name).unwrap();
        }
        for name in ["", "-a", "2a", "a b", "a.b", "ä", &"a".repeat(257)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        let hosts = |list: Value| read_hosts(list.as_array().unwrap());
        assert_eq!(hosts(json!(["API.example.com", "*.example.com"])).unwrap(), ["api.example.com", "*.example.com"]);
        for host in
            ["", "*", "https://a.example", "a.example:443", "a.example/x", "1.2.3.4", "a,b.example", "*.*.example"]
        {
            assert!(hosts(json!([host])).is_err(), "{host}");
        }
    }

    #[test]
    fn nobody_is_told_the_value() {
        let secret = Secret::new("o".into(), "key".into(), "s3cret-value".into(), None, vec!["a.example".into()]);
        assert!(!format!("{secret:?}{}", secret.document()).contains("s3cret-value"));
        assert!(!check_value(&"s3".repeat(LONGEST_VALUE)).unwrap_err().message.contains("s3s3"));
    }
}
