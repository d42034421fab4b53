//! Whoever makes a request, known to everything that the request does.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use crate::accounts::permissions;
use crate::errors::{ApiError, ApiResult};

tokio::task_local! {
    static CALLER: Arc<Caller>;
}

/// Whoever makes a request.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Id of the user.
    pub user_id: String,
    /// The user's address; may be empty.
    pub email: String,
    /// The organization the request is about.
    pub organization_id: String,
    /// The first and last characters of the API key, if it was one.
    pub key: Option<(String, String)>,
    /// Name of the API key, if it is one of those that were created.
    pub key_name: Option<String>,
    /// Whether this is a person with a token, not a program with a key.
    pub person: bool,
    /// Whether the user owns the organization.
    pub owner: bool,
    /// Whether this is whoever started the engine.
    pub operator: bool,
    /// Whether this is the first request with a new token.
    pub logged_in: bool,
    /// When the key or token is over, in milliseconds since 1970, if ever.
    pub good_until: Option<i64>,
    /// What is allowed.
    pub permissions: Arc<BTreeSet<String>>,
    /// The address of the connection.
    pub ip: String,
    /// `User-Agent` of the request.
    pub user_agent: String,
    /// `X-Daytona-Source` of the request.
    pub source: String,
}

impl Caller {
    /// Fails unless something is allowed.
    pub fn require(&self, permission: &str) -> ApiResult<()> {
        match self.may(permission) {
            true => Ok(()),
            false => Err(ApiError::not_permitted(permission)),
        }
    }

    /// Whether something is allowed.
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Fails unless the user owns the organization.
    pub fn require_owner(&self) -> ApiResult<()> {
        if self.owner { Ok(()) } else { Err(ApiError::forbidden()) }
    }

    /// Everything that can be allowed.
    pub fn everything() -> Arc<BTreeSet<String>> {
        static ALL: LazyLock<Arc<BTreeSet<String>>> =
            LazyLock::new(|| Arc::new(permissions::ALL.iter().map(|permission| (*permission).to_owned()).collect()));
        Arc::clone(&ALL)
    }
}

/// Runs what a request does.
pub async fn within<T>(caller: Arc<Caller>, work: impl Future<Output = T>) -> T {
    CALLER.scope(caller, work).await
}

/// Whoever makes this request; `None` for what the engine does by itself.
pub fn known() -> Option<Arc<Caller>> {
    CALLER.try_with(Arc::clone).ok()
}

/// Whoever makes this request.
pub fn current() -> ApiResult<Arc<Caller>> {
    known().ok_or_else(ApiError::invalid_credentials)
}

/// Whether this request may know of something that belongs to an organization. What the engine does by itself may.
pub fn sees(organization_id: &str) -> bool {
    CALLER.try_with(|caller| caller.organization_id == organization_id).unwrap_or(true)
}
