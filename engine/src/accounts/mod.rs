//! Whoever uses the engine, what they may do, and how much.
//!
//! One user with one key is the default: `local`, whoever started the engine, with the key that the engine makes at each start. That
//! key allows everything. Others get keys that are created, which allow what they say, in one organization.

pub mod audit;
pub mod caller;
pub mod deeds;
pub mod dissolving;
pub mod model;
pub mod oidc;
pub mod permissions;
pub mod quota;
pub mod rate_limits;
pub mod roles;
pub mod store;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::clock;
use crate::errors::{ApiError, ApiResult};
use crate::secret;
use caller::Caller;
use model::{ApiKey, Dissolved, Invitation, Member, OPERATOR, Organization, Region, Registry, Role, User};
use oidc::{Oidc, Person};
use store::{AccountStore, Table};

/// Names the organization that a person's request is about.
pub const ORGANIZATION: &str = "x-daytona-organization-id";

/// How long the time of a key's last use may lag behind, in milliseconds.
const USE_NOTED_EVERY: i64 = 60_000;

/// All of them.
pub struct Accounts {
    pub users: Table<User>,
    pub organizations: Table<Organization>,
    pub members: Table<Member>,
    pub roles: Table<Role>,
    pub invitations: Table<Invitation>,
    pub keys: Table<ApiKey>,
    pub registries: Table<Registry>,
    pub regions: Table<Region>,
    /// Organizations that are gone, and of which snapshots, volumes or objects may be left.
    pub dissolved: Table<Dissolved>,
    /// Whose tokens are taken besides keys.
    oidc: Option<Oidc>,
    /// The key that the engine made at this start.
    api_key: String,
    /// The organization of whoever started the engine.
    organization_id: String,
    /// Held while a person's own organization is made.
    founding: Mutex<()>,
}

impl Accounts {
    /// Reads the accounts, and makes the first user and organization.
    pub fn open(store: &Arc<AccountStore>, organization_id: &str, api_key: &str, oidc: Option<Oidc>) -> Result<Self> {
        let accounts = Self {
            users: Table::load(store, "user")?,
            organizations: Table::load(store, "organization")?,
            members: Table::load(store, "member")?,
            roles: Table::load(store, "role")?,
            invitations: Table::load(store, "invitation")?,
            keys: Table::load(store, "key")?,
            registries: Table::load(store, "registry")?,
            regions: Table::load(store, "region")?,
            dissolved: Table::load(store, "dissolved")?,
            api_key: api_key.to_owned(),
            oidc,
            organization_id: organization_id.to_owned(),
            founding: Mutex::default(),
        };
        if accounts.users.get(OPERATOR).is_none() {
            let user = User {
                id: OPERATOR.to_owned(),
                name: OPERATOR.to_owned(),
                email: String::new(),
                email_verified: false,
                created_at: now(),
            };
            accounts.users.put(OPERATOR, user)?;
        }
        if accounts.organizations.get(organization_id).is_none() {
            accounts.found(organization_id, "Local", OPERATOR, true, None)?;
        }
        Ok(accounts)
    }

    /// Makes an organization and its owner a member.
    pub fn found(
        &self,
        id: &str,
        name: &str,
        owner: &str,
        personal: bool,
        region: Option<String>,
    ) -> ApiResult<Organization> {
        let organization = Organization {
            id: id.to_owned(),
            name: name.to_owned(),
            created_by: owner.to_owned(),
            personal,
            created_at: now(),
            updated_at: now(),
            default_region_id: region,
            suspension: None,
            limited_egress: true,
            preview_warning: false,
            experimental: serde_json::json!({}),
            otel: None,
            quota: serde_json::Map::new(),
        };
        // Whoever sees the organization is to find its owner in it.
        self.join(id, owner, "owner", Vec::new())?;
        if let Err(error) = self.organizations.put(id, organization.clone()) {
            let _ = self.members.remove(&member_id(id, owner));
            return Err(error);
        }
        Ok(organization)
    }

    /// Makes a user a member.
    pub fn join(&self, organization_id: &str, user_id: &str, role: &str, roles: Vec<String>) -> ApiResult<Member> {
        let member = Member {
            organization_id: organization_id.to_owned(),
            user_id: user_id.to_owned(),
            role: role.to_owned(),
            assigned_role_ids: roles,
            created_at: now(),
            updated_at: now(),
        };
        self.members.put(&member_id(organization_id, user_id), member.clone())?;
        Ok(member)
    }

    /// A user's place in an organization.
    pub fn member(&self, organization_id: &str, user_id: &str) -> Option<Member> {
        self.members.get(&member_id(organization_id, user_id))
    }

    /// Ends a membership, and the keys that came with it.
    pub fn leave(&self, organization_id: &str, user_id: &str) -> ApiResult<()> {
        self.members.remove(&member_id(organization_id, user_id))?;
        self.keys.remove_all(|key| key.organization_id == organization_id && key.user_id == user_id)
    }

    /// What a member may do.
    pub fn permissions_of(&self, member: &Member) -> Arc<BTreeSet<String>> {
        if member.role == "owner" {
            return Caller::everything();
        }
        let roles = member.assigned_role_ids.iter().filter_map(|id| self.role(&member.organization_id, id));
        Arc::new(roles.flat_map(|role| role.permissions).collect())
    }

    /// A role that an organization has.
    pub fn role(&self, organization_id: &str, id: &str) -> Option<Role> {
        let own = || self.roles.get(id).filter(|role| role.organization_id.as_deref() == Some(organization_id));
        roles::global(id).or_else(own)
    }

    /// Finds out whose a token is. `headers` are those of the request it came with.
    pub fn authenticate(&self, token: &str, headers: &HeaderMap) -> ApiResult<Caller> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let wanted = Some(text(ORGANIZATION)).filter(|id| !id.is_empty());
        let person = self.oidc.as_ref().and_then(|oidc| oidc.verify(token));
        let mut caller = match person {
            _ if secret::equal(token, &self.api_key) => self.as_operator(wanted)?,
            Some(person) => self.as_person(person, wanted)?,
            None => self.by_key(token)?,
        };
        caller.user_agent = text("user-agent");
        caller.source = text("x-daytona-source");
        Ok(caller)
    }

    fn as_operator(&self, wanted: Option<String>) -> ApiResult<Caller> {
        // Clients name the organization with a token, and only then. One that is not here is somewhere else, such as in the cloud.
        let person = wanted.is_some();
        let known = wanted.filter(|id| self.organizations.has(id));
        let organization_id = known.unwrap_or_else(|| self.organization_id.clone());
        if !self.members.has(&member_id(&organization_id, OPERATOR)) {
            return Err(ApiError::forbidden());
        }
        Ok(Caller {
            user_id: OPERATOR.to_owned(),
            organization_id,
            key: Some(ends(&self.api_key)),
            person,
            owner: true,
            operator: true,
            permissions: Caller::everything(),
            ..Caller::default()
        })
    }

    fn as_person(&self, person: Person, wanted: Option<String>) -> ApiResult<Caller> {
        let known = self.users.get(&person.id);
        let is_same = |user: &User| user.email == person.email && user.name == person.name;
        if !known.as_ref().is_some_and(is_same) {
            let created_at = known.as_ref().map_or_else(now, |user| user.created_at.clone());
            let user = User {
                id: person.id.clone(),
                name: person.name,
                email_verified: !person.email.is_empty(),
                email: person.email.clone(),
                created_at,
            };
            self.users.put(&person.id, user)?;
        }
        let personal = self.personal_organization(&person.id)?;
        let organization_id = wanted.unwrap_or(personal);
        let member = self.member(&organization_id, &person.id).ok_or_else(ApiError::forbidden)?;
        Ok(Caller {
            user_id: person.id,
            email: person.email,
            organization_id,
            person: true,
            owner: member.role == "owner",
            permissions: self.permissions_of(&member),
            logged_in: person.logged_in,
            good_until: Some(person.good_until),
            ..Caller::default()
        })
    }

    /// The id of the organization that a person has alone. The first of several requests at once makes it.
    fn personal_organization(&self, user_id: &str) -> ApiResult<String> {
        let own = |organization: &Organization| organization.personal && organization.created_by == user_id;
        let known = || self.organizations.first(own).map(|organization| organization.id);
        if let Some(id) = known() {
            return Ok(id);
        }
        let _founding = self.founding.lock().unwrap_or_else(PoisonError::into_inner);
        match known() {
            Some(id) => Ok(id),
            None => Ok(self.found(&uuid::Uuid::new_v4().to_string(), "Personal", user_id, true, None)?.id),
        }
    }

    /// How often accounts have changed; see [`AccountStore::changes`].
    pub fn changes(&self) -> u64 {
        self.keys.changes()
    }

    /// Whether a token is a credential for this engine, good or not: nobody else is to see it.
    pub fn is_for_here(&self, token: &str) -> bool {
        secret::equal(token, &self.api_key)
            || self.keys.has(&hash(token))
            || self.oidc.as_ref().is_some_and(|oidc| oidc.is_for_here(token))
    }

    /// Keeps the issuer's keys current, until dropped.
    pub async fn keep_current(self: Arc<Self>) {
        match &self.oidc {
            Some(oidc) => oidc.keep_current().await,
            None => std::future::pending().await,
        }
    }

    /// Learns keys that a token may be signed with, if it may be one of the issuer.
    pub async fn learn(&self, token: &str) {
        if let Some(oidc) = self.oidc.as_ref().filter(|oidc| oidc.may_be_new(token)) {
            oidc.refresh().await;
        }
    }

    /// The issuer as `GET /config` shows it.
    pub fn issuer(&self) -> Option<&oidc::Issuer> {
        self.oidc.as_ref().map(|oidc| &oidc.issuer)
    }

    fn by_key(&self, token: &str) -> ApiResult<Caller> {
        let id = hash(token);
        let key = self.keys.get(&id).ok_or_else(ApiError::invalid_credentials)?;
        let now = clock::now();
        let expires = key.expires_at.as_deref().and_then(clock::parse);
        if expires.is_some_and(|expires| expires <= now) {
            return Err(ApiError::expired_key());
        }
        let member = self.member(&key.organization_id, &key.user_id).ok_or_else(ApiError::invalid_credentials)?;
        let last = key.last_used_at.as_deref().and_then(clock::parse).map(clock::millis);
        if last.is_none_or(|last| clock::millis(now) - last >= USE_NOTED_EVERY) {
            // Losing it does no harm.
            self.keys.note(&id, |key| key.last_used_at = Some(clock::iso(now)));
        }
        // A key never allows more than its user may do by now.
        let allowed = self.permissions_of(&member);
        let permissions: BTreeSet<_> =
            key.permissions.iter().filter(|permission| allowed.contains(*permission)).cloned().collect();
        let user = self.users.get(&key.user_id);
        Ok(Caller {
            email: user.map(|user| user.email).unwrap_or_default(),
            user_id: key.user_id,
            organization_id: key.organization_id,
            key: Some((key.prefix, key.suffix)),
            good_until: expires.map(clock::millis),
            key_name: Some(key.name),
            permissions: Arc::new(permissions),
            ..Caller::default()
        })
    }

    /// Creates a key and returns its value, which is not kept, with what is.
    pub fn create_key(
        &self,
        caller: &Caller,
        name: String,
        permissions: Vec<String>,
        expires_at: Option<String>,
    ) -> ApiResult<(String, ApiKey)> {
        let value = format!("dtn_{}", secret::token(60));
        let (prefix, suffix) = ends(&value);
        let key = ApiKey {
            id: hash(&value),
            name,
            user_id: caller.user_id.clone(),
            organization_id: caller.organization_id.clone(),
            permissions,
            prefix,
            suffix,
            created_at: now(),
            expires_at,
            last_used_at: None,
        };
        let same = |known: &ApiKey| {
            (&known.organization_id, &known.user_id, &known.name) == (&key.organization_id, &key.user_id, &key.name)
        };
        match self.keys.add(&key.id, key.clone(), same)? {
            true => Ok((value, key)),
            false => Err(ApiError::conflict(format!("API key with name {} already exists", key.name))),
        }
    }

    /// The login for a registry that images of an organization come from: that of the longest stored address that
    /// `reference` (`registry.example/team/image:tag`) starts with.
    pub fn registry_login(&self, organization_id: &str, reference: &str) -> Option<(String, String)> {
        let registries = self.registries.select(|registry| registry.organization_id == organization_id);
        let matching = registries.into_iter().filter_map(|registry| {
            let place = registry_place(&registry.url);
            let rest = reference.strip_prefix(place.as_str())?;
            rest.starts_with('/').then_some((place.len(), registry))
        });
        let (_, registry) = matching.max_by_key(|(length, _)| *length)?;
        Some((registry.username, registry.password))
    }

    /// Removes an organization and all accounts in it, and notes that what else is its must go: see [`Self::dissolved`].
    pub fn dissolve(&self, id: &str) -> ApiResult<()> {
        self.dissolved.put(id, Dissolved { at: now() })?;
        self.keys.remove_all(|key| key.organization_id == id)?;
        self.invitations.remove_all(|invitation| invitation.organization_id == id)?;
        self.roles.remove_all(|role| role.organization_id.as_deref() == Some(id))?;
        self.registries.remove_all(|registry| registry.organization_id == id)?;
        self.regions.remove_all(|region| region.organization_id == id)?;
        self.organizations.remove(id)?;
        self.members.remove_all(|member| member.organization_id == id)
    }
}

fn member_id(organization_id: &str, user_id: &str) -> String {
    format!("{organization_id}/{user_id}")
}

/// The time now, as the wire writes it.
pub fn now() -> String {
    clock::iso(clock::now())
}

/// What is kept of a secret that is only compared. It is random, so it cannot be guessed from this.
pub fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first and last characters, by which people tell keys apart.
fn ends(value: &str) -> (String, String) {
    let characters: Vec<char> = value.chars().collect();
    let suffix = characters[characters.len().saturating_sub(3)..].iter().collect();
    (characters.iter().take(3).collect(), suffix)
}

#[allow(dead_code, reason = "whatever pulls images asks for it")]
/// A registry's address as references to images begin: without a scheme and a slash at the end.
fn registry_place(url: &str) -> String {
    let url = url.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    match url {
        "hub.docker.com"
        | "index.docker.io"
        | "index.docker.io/v1"
        | "registry-1.docker.io"
        | "registry.hub.docker.com" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::SqliteDocuments;

    fn open(directory: &Path, api_key: &str) -> Accounts {
        Accounts::open(
            &Arc::new(AccountStore::new(Arc::new(SqliteDocuments::open(directory).unwrap()))),
            "org",
            api_key,
            None,
        )
        .unwrap()
    }

    fn accounts() -> (Accounts, std::path::PathBuf) {
        let directory = std::env::temp_dir().join(format!("daytona-accounts-{}", secret::token(12)));
        std::fs::create_dir_all(&directory).unwrap();
        (open(&directory, "dtn_local_key"), directory)
    }

    #[test]
    fn a_key_allows_what_it_says_and_its_value_is_not_kept() {
        let (accounts, directory) = accounts();
        let operator = accounts.authenticate("dtn_local_key", &HeaderMap::new()).unwrap();
        assert!(operator.may("delete:snapshots"));
        let allowed = vec!["write:sandboxes".to_owned()];
        let (value, key) = accounts.create_key(&operator, "ci".to_owned(), allowed.clone(), None).unwrap();
        let caller = accounts.authenticate(&value, &HeaderMap::new()).unwrap();
        assert!(caller.may("write:sandboxes") && !caller.may("delete:sandboxes") && !caller.person && !caller.owner);
        assert!(accounts.create_key(&operator, "ci".to_owned(), allowed, None).is_err(), "the name is taken");
        assert!(accounts.authenticate("dtn_guess", &HeaderMap::new()).is_err());

        let again = open(&directory, "dtn_local_other");
        assert_eq!(again.authenticate(&value, &HeaderMap::new()).unwrap().organization_id, "org");
        assert!(again.authenticate("dtn_local_key", &HeaderMap::new()).is_err());
        for file in std::fs::read_dir(&directory).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(value.len()).any(|part| part == value.as_bytes()));
        }
        again.keys.remove(&key.id).unwrap();
        assert!(again.authenticate(&value, &HeaderMap::new()).is_err());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_key_ends_when_it_says_and_with_its_users_membership() {
        let (accounts, directory) = accounts();
        let operator = accounts.authenticate("dtn_local_key", &HeaderMap::new()).unwrap();
        let past = Some("2020-01-01T00:00:00.000Z".to_owned());
        let (expired, _) = accounts.create_key(&operator, "old".to_owned(), vec![], past).unwrap();
        let refused = accounts.authenticate(&expired, &HeaderMap::new()).unwrap_err();
        assert_eq!(refused.message, "This API key has expired");
        accounts.join("org", "guest", "member", vec!["00000000-0000-0000-0000-000000000001".to_owned()]).unwrap();
        let guest = Caller { user_id: "guest".to_owned(), organization_id: "org".to_owned(), ..Caller::default() };
        let wishes = vec!["write:sandboxes".to_owned(), "delete:volumes".to_owned()];
        let (value, _) = accounts.create_key(&guest, "g".to_owned(), wishes, None).unwrap();
        let caller = accounts.authenticate(&value, &HeaderMap::new()).unwrap();
        assert!(caller.may("write:sandboxes") && !caller.may("delete:volumes"), "no more than the role allows");
        accounts.leave("org", "guest").unwrap();
        assert!(accounts.authenticate(&value, &HeaderMap::new()).is_err());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_login_is_that_of_the_longest_address() {
        let (accounts, directory) = accounts();
        for (url, user) in
            [("https://ghcr.io", "all"), ("ghcr.io/team/", "team"), ("https://registry.hub.docker.com", "hub")]
        {
            let registry = Registry {
                id: user.to_owned(),
                organization_id: "org".to_owned(),
                name: user.to_owned(),
                url: url.to_owned(),
                username: user.to_owned(),
                password: "p".to_owned(),
                project: String::new(),
                created_at: now(),
                updated_at: now(),
            };
            accounts.registries.put(user, registry).unwrap();
        }
        let login = |reference| accounts.registry_login("org", reference).map(|(user, _)| user);
        assert_eq!(login("ghcr.io/team/image:1").as_deref(), Some("team"));
        assert_eq!(login("ghcr.io/teams/image").as_deref(), Some("all"));
        assert_eq!(login("docker.io/library/debian").as_deref(), Some("hub"));
        assert_eq!(login("ghcr.io.example/x"), None);
        assert_eq!(accounts.registry_login("other", "ghcr.io/team/image"), None);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
