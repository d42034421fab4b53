//! Where the client talks to and as whom.
//!
//! Every value is taken from the first of: code, environment, `.env.local`, `.env`, default. The files are read from the
//! working directory and only their `DAYTONA_*` keys count. [`Config::resolve`] does it once, when a client is made.
//!
//! The files may come with somebody else's project, so they cannot name what runs on this machine or where it writes:
//! the local engine's program and state directory come from code and environment only. Nor do they decide who is sent
//! the caller's own credentials: an address in a file counts together with credentials in a file, or when it is `local`.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::words::without_secrets;

/// The API of Daytona's cloud.
pub const DEFAULT_API_URL: &str = "https://app.daytona.io/api";

/// The value of `api_url` that selects the local engine.
pub const LOCAL: &str = "local";

/// The contract this client speaks, sent as `X-Daytona-SDK-Version`. Servers choose log formats by it: anything below
/// 0.167.0 gets the old ones (wire.md 4.1), so it is the contract's version and not the package's.
pub const WIRE_VERSION: &str = "0.205.1";

/// The most that is read of a `.env` file.
const MAX_FILE_BYTES: u64 = 1 << 20;

const NO_CREDENTIALS: &str = "Authentication credentials not found. Set DAYTONA_API_KEY, or both DAYTONA_JWT_TOKEN and \
DAYTONA_ORGANIZATION_ID. These can also be provided via DaytonaConfig. With DAYTONA_API_URL=local an engine on this machine \
serves without an account.";
const NO_ORGANIZATION: &str = "DAYTONA_ORGANIZATION_ID is required when authenticating with DAYTONA_JWT_TOKEN. It can also \
be provided via DaytonaConfig.";

/// How to reach Daytona. What is not given comes from the environment, then from `.env.local` and `.env` in the working
/// directory, then from the defaults.
#[derive(derive_more::Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// API key (`DAYTONA_API_KEY`).
    #[debug("[secret]")]
    pub api_key: Option<String>,
    /// JSON Web Token (`DAYTONA_JWT_TOKEN`), used when there is no API key; needs `organization_id`.
    #[debug("[secret]")]
    pub jwt_token: Option<String>,
    /// Organization (`DAYTONA_ORGANIZATION_ID`).
    pub organization_id: Option<String>,
    /// Base URL of the API (`DAYTONA_API_URL`), or `local` for the local engine. Default: Daytona's cloud.
    pub api_url: Option<String>,
    /// Region for new sandboxes (`DAYTONA_TARGET`). Default: the organization's.
    pub target: Option<String>,
    /// PEM file with additional certificate authorities.
    pub ca_cert: Option<String>,
    /// The `daytona` program that serves the local engine (`DAYTONA_LOCAL_BINARY`, not from `.env` files). Default: the one
    /// installed with this package, else the one on `PATH`.
    pub local_binary: Option<String>,
    /// Where the local engine keeps its state (`DAYTONA_LOCAL_STATE_DIR`, not from `.env` files).
    pub local_state_dir: Option<String>,
    /// Whether to wait by polling alone, without events (`DAYTONA_USE_DEPRECATED_POLLING`). Default: false.
    pub use_deprecated_polling: Option<bool>,
    /// Whether to send telemetry of the client by OpenTelemetry's protocol: a span and a duration for every operation, to the
    /// collector that the environment names (`OTEL_EXPORTER_OTLP_ENDPOINT`). Default: `DAYTONA_OTEL_ENABLED`, else false.
    pub otel_enabled: Option<bool>,
    /// Former place of `otel_enabled`.
    #[doc(hidden)]
    #[serde(rename = "_experimental")]
    pub experimental: Option<Experimental>,
    /// Who is calling, sent as `X-Daytona-Source`: `sdk-python`, `sdk-go`, … Default `sdk-rust`.
    pub source: Option<String>,
    /// Names of operations (`process.exec`) in the caller's language, for messages.
    #[doc(hidden)]
    #[debug(skip)]
    #[serde(skip)]
    pub operation_names: Option<OperationNames>,
}

/// Settings under their former names. Others are ignored.
#[doc(hidden)]
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Experimental {
    /// `otel_enabled`, in any of its spellings.
    #[serde(alias = "otelEnabled", alias = "OtelEnabled")]
    pub otel_enabled: Option<bool>,
}

/// Returns the name that the programs of a `source` have for an operation.
pub type OperationNames = fn(source: &str, operation: &str) -> Option<&'static str>;

/// A configuration with every question answered.
#[derive(Clone)]
pub struct Resolved {
    /// API key or token, sent as bearer. Empty for the local engine, which has its own.
    pub(crate) bearer: String,
    /// Organization header; set in JWT mode only (wire.md 1.2).
    pub(crate) organization_header: Option<String>,
    /// Organization for the event gateway, whenever known.
    pub(crate) organization_id: Option<String>,
    /// Base URL without trailing slash, or [`LOCAL`].
    pub(crate) api_url: String,
    pub(crate) target: Option<String>,
    pub(crate) source: String,
    pub(crate) ca_cert: Option<String>,
    pub(crate) local_binary: Option<String>,
    pub(crate) local_state_dir: Option<String>,
    pub(crate) events: bool,
    pub(crate) telemetry: bool,
    pub(crate) operation_names: Option<OperationNames>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved")
            .field("api_url", &self.api_url)
            .field("target", &self.target)
            .field("organization_id", &self.organization_id)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The local engine, started when it is not running.
    pub fn local() -> Self {
        Self { api_url: Some(LOCAL.to_owned()), ..Self::default() }
    }

    /// Answers every question from code, environment, `.env.local`, `.env` and defaults, in this order.
    ///
    /// # Errors
    /// `Authentication` without credentials (unless the local engine is selected), `InvalidArgument` for an API URL that
    /// is not `http(s)://…` or `local`.
    pub fn resolve(self) -> Result<Resolved> {
        self.resolve_with(&Lookup::from_process())
    }

    fn resolve_with(self, lookup: &Lookup) -> Result<Resolved> {
        let given = |v: &Option<String>| v.clone().filter(|s| !s.is_empty());
        let own_credentials = given(&self.api_key).is_some()
            || given(&self.jwt_token).is_some()
            || ["DAYTONA_API_KEY", "DAYTONA_JWT_TOKEN"].iter().any(|key| lookup.own(key).is_some());
        let address = |key: &str| {
            let own = lookup.own(key);
            own.or_else(|| lookup.get(key).filter(|url| url == LOCAL || usable_from_file(key, url, own_credentials)))
        };
        let api_url = given(&self.api_url)
            .or_else(|| address("DAYTONA_API_URL"))
            .or_else(|| address("DAYTONA_SERVER_URL"))
            .unwrap_or_else(|| DEFAULT_API_URL.to_owned());
        let local = api_url == LOCAL;
        let api_url = if local { api_url } else { checked_url(&api_url)? };

        let jwt_in_code = given(&self.jwt_token);
        // A token given in code means the caller chose it: the environment's API key must not win over it.
        let api_key =
            given(&self.api_key).or_else(|| if jwt_in_code.is_some() { None } else { lookup.get("DAYTONA_API_KEY") });
        let organization_id = given(&self.organization_id).or_else(|| lookup.get("DAYTONA_ORGANIZATION_ID"));
        let jwt = jwt_in_code.or_else(|| lookup.get("DAYTONA_JWT_TOKEN"));
        let (bearer, organization_header) = match (api_key, jwt) {
            _ if local => (String::new(), None),
            (Some(key), _) => (key, None),
            (None, Some(jwt)) => {
                let Some(organization) = organization_id.clone() else {
                    return Err(Error::new(ErrorKind::Authentication, NO_ORGANIZATION));
                };
                (jwt, Some(organization))
            }
            (None, None) => return Err(Error::new(ErrorKind::Authentication, NO_CREDENTIALS)),
        };
        if bearer.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err(Error::invalid_argument(
                "The API key or token contains control characters (a line break?). Check how it is set.",
            ));
        }
        let polling = self.use_deprecated_polling.unwrap_or_else(|| {
            lookup.get("DAYTONA_USE_DEPRECATED_POLLING").is_some_and(|v| v.eq_ignore_ascii_case("true"))
        });
        let telemetry = self.otel_enabled.or_else(|| self.experimental.as_ref()?.otel_enabled).unwrap_or_else(|| {
            ["DAYTONA_OTEL_ENABLED", "DAYTONA_EXPERIMENTAL_OTEL_ENABLED"]
                .iter()
                .any(|key| lookup.get(key).is_some_and(|v| v.eq_ignore_ascii_case("true")))
        });
        Ok(Resolved {
            bearer,
            organization_header,
            organization_id,
            api_url,
            target: given(&self.target).or_else(|| lookup.get("DAYTONA_TARGET")),
            source: given(&self.source).unwrap_or_else(|| "sdk-rust".to_owned()),
            ca_cert: given(&self.ca_cert),
            local_binary: given(&self.local_binary).or_else(|| lookup.environment("DAYTONA_LOCAL_BINARY")),
            local_state_dir: given(&self.local_state_dir).or_else(|| lookup.environment("DAYTONA_LOCAL_STATE_DIR")),
            events: !polling,
            telemetry,
            operation_names: self.operation_names,
        })
    }
}

/// Whether an address that only a file gives may be used.
fn usable_from_file(key: &str, url: &str, own_credentials: bool) -> bool {
    if own_credentials {
        tracing::warn!(
            key,
            url,
            "ignored in the .env file: the credentials are not from there; set it in the environment"
        );
    }
    !own_credentials
}

fn checked_url(text: &str) -> Result<String> {
    let url = url::Url::parse(text)
        .ok()
        .filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some())
        .ok_or_else(|| {
            let shown = without_secrets(text);
            Error::invalid_argument(format!(
                "The API URL {shown:?} is not usable: it must start with http:// or https://, or be \"local\".{}",
                suggestion(&shown)
            ))
        })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid_argument("The API URL must not contain credentials: use DAYTONA_API_KEY."));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A URL that was given without its beginning.
fn suggestion(text: &str) -> String {
    if text.eq_ignore_ascii_case(LOCAL) {
        return format!(" Did you mean {LOCAL:?}?");
    }
    let host = text.split(['/', ':']).next().unwrap_or_default();
    let scheme = match host {
        "" => return String::new(),
        "localhost" | "127.0.0.1" | "0.0.0.0" => "http",
        _ if text.contains("://") || !host.contains('.') => return String::new(),
        _ => "https",
    };
    format!(" Did you mean \"{scheme}://{text}\"?")
}

/// Environment first, then `.env.local`, then `.env`.
struct Lookup {
    environment: HashMap<String, String>,
    files: Vec<HashMap<String, String>>,
}

impl Lookup {
    fn from_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .filter(|(k, _)| k.starts_with("DAYTONA_"))
            .collect();
        let files = [".env.local", ".env"].iter().filter_map(|name| read_file(Path::new(name))).collect();
        Self { environment, files }
    }

    /// A value that no file may give.
    fn environment(&self, key: &str) -> Option<String> {
        if self.files.iter().any(|file| file.contains_key(key)) {
            tracing::warn!(key, "ignored in the .env file: it counts only in the environment and in code");
        }
        self.own(key)
    }

    /// The value of the environment itself.
    fn own(&self, key: &str) -> Option<String> {
        self.environment.get(key).filter(|value| !value.is_empty()).cloned()
    }

    fn get(&self, key: &str) -> Option<String> {
        std::iter::once(&self.environment)
            .chain(&self.files)
            .filter_map(|map| map.get(key))
            .find(|v| !v.is_empty())
            .cloned()
    }
}

/// The `DAYTONA_*` entries of a file, if it is one.
fn read_file(path: &Path) -> Option<HashMap<String, String>> {
    // Opening a FIFO would wait for somebody to write to it.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let content = std::fs::File::open(path).ok()?.take(MAX_FILE_BYTES);
    let entries = dotenvy::from_read_iter(content).filter_map(|entry| entry.ok());
    Some(entries.filter(|(key, _)| key.starts_with("DAYTONA_")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(environment: &[(&str, &str)], files: &[&[(&str, &str)]]) -> Lookup {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Lookup { environment: map(environment), files: files.iter().map(|f| map(f)).collect() }
    }

    #[test]
    fn code_wins_over_environment_over_env_local_over_env_over_default() {
        let look = lookup(
            &[("DAYTONA_API_KEY", "from-env")],
            &[
                &[("DAYTONA_API_KEY", "from-local"), ("DAYTONA_TARGET", "local-target")],
                &[("DAYTONA_TARGET", "env-target"), ("DAYTONA_ORGANIZATION_ID", "env-organization")],
            ],
        );
        let resolved = Config::default().resolve_with(&look).unwrap();
        assert_eq!(resolved.bearer, "from-env");
        assert_eq!(resolved.target.as_deref(), Some("local-target"));
        assert_eq!(resolved.organization_id.as_deref(), Some("env-organization"));
        let code = Config { api_key: Some("code".into()), ..Config::default() };
        assert_eq!(code.resolve_with(&look).unwrap().bearer, "code");
        let bare = lookup(&[("DAYTONA_API_KEY", "k")], &[]);
        assert_eq!(Config::default().resolve_with(&bare).unwrap().api_url, DEFAULT_API_URL);
    }

    #[test]
    fn a_file_does_not_decide_who_is_sent_the_callers_own_credentials() {
        let address = ("DAYTONA_API_URL", "https://elsewhere.example/api");
        let url = |config: Config, look: &Lookup| config.resolve_with(look).unwrap().api_url;
        let with_key = lookup(&[("DAYTONA_API_KEY", "own")], &[&[address]]);
        assert_eq!(url(Config::default(), &with_key), DEFAULT_API_URL);
        let in_code = Config { api_key: Some("own".into()), ..Config::default() };
        assert_eq!(url(in_code, &lookup(&[], &[&[address]])), DEFAULT_API_URL);
        // Both from the project, or nothing that could be told.
        let both = lookup(&[], &[&[address, ("DAYTONA_API_KEY", "theirs")]]);
        assert_eq!(url(Config::default(), &both), "https://elsewhere.example/api");
        let local = lookup(&[("DAYTONA_API_KEY", "own")], &[&[("DAYTONA_API_URL", LOCAL)]]);
        assert_eq!(url(Config::default(), &local), LOCAL);
    }

    #[test]
    fn missing_credentials_say_what_to_set() {
        let error = Config::default().resolve_with(&lookup(&[], &[])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert_eq!(error.to_string(), NO_CREDENTIALS);
        let jwt = Config { jwt_token: Some("t".into()), ..Config::default() };
        assert_eq!(jwt.resolve_with(&lookup(&[], &[])).unwrap_err().to_string(), NO_ORGANIZATION);
    }

    #[test]
    fn a_token_in_code_is_not_overridden_by_a_key_in_the_environment() {
        let look = lookup(&[("DAYTONA_API_KEY", "key")], &[]);
        let config = Config { jwt_token: Some("jwt".into()), organization_id: Some("org".into()), ..Config::default() };
        let resolved = config.resolve_with(&look).unwrap();
        assert_eq!((resolved.bearer.as_str(), resolved.organization_header.as_deref()), ("jwt", Some("org")));
    }

    #[test]
    fn telemetry_is_switched_on_by_any_of_its_names_and_off_by_code() {
        let enabled = |config: &str, environment: &[(&str, &str)]| {
            let config: Config = serde_json::from_str(config).unwrap();
            Config { api_url: Some(LOCAL.into()), ..config }.resolve_with(&lookup(environment, &[])).unwrap().telemetry
        };
        assert!(!enabled("{}", &[]) && !enabled("{}", &[("DAYTONA_OTEL_ENABLED", "no")]));
        for name in ["DAYTONA_OTEL_ENABLED", "DAYTONA_EXPERIMENTAL_OTEL_ENABLED"] {
            assert!(enabled("{}", &[(name, "true")]));
            assert!(!enabled(r#"{"otelEnabled": false}"#, &[(name, "true")]));
        }
        assert!(enabled(r#"{"otelEnabled": true}"#, &[]));
        assert!(enabled(r#"{"_experimental": {"otelEnabled": true, "other": 1}}"#, &[]));
        assert!(enabled(r#"{"_experimental": {"otel_enabled": true}}"#, &[]));
    }

    #[test]
    fn the_local_engine_needs_no_credentials() {
        assert_eq!(Config::local().resolve_with(&lookup(&[], &[])).unwrap().api_url, LOCAL);
    }

    #[test]
    fn files_name_neither_the_engines_program_nor_its_directory() {
        let keys = [("DAYTONA_LOCAL_BINARY", "/given"), ("DAYTONA_LOCAL_STATE_DIR", "/given")];
        let from_file = Config::local().resolve_with(&lookup(&[], &[&keys, &keys])).unwrap();
        assert_eq!((from_file.local_binary, from_file.local_state_dir), (None, None));
        let from_environment = Config::local().resolve_with(&lookup(&keys, &[])).unwrap();
        assert_eq!(from_environment.local_binary.as_deref(), Some("/given"));
        assert_eq!(from_environment.local_state_dir.as_deref(), Some("/given"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_a_plain_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        std::fs::write(path("file"), "DAYTONA_TARGET=eu\nOTHER=1\n").unwrap();
        assert_eq!(read_file(&path("fifo")), None);
        assert_eq!(read_file(&path("device")), None);
        assert_eq!(read_file(&path("missing")), None);
        assert_eq!(read_file(&path("file")).unwrap(), HashMap::from([("DAYTONA_TARGET".into(), "eu".into())]));
    }

    #[test]
    fn a_bad_url_is_named() {
        let config = Config { api_url: Some("app.daytona.io".into()), api_key: Some("k".into()), ..Config::default() };
        assert!(config.resolve_with(&lookup(&[], &[])).unwrap_err().to_string().contains("app.daytona.io"));
        for url in
            ["htps://me:sesame@app.daytona.io/api", "me:sesame@app.daytona.io", "https://me:sesame@app.daytona.io"]
        {
            let config = Config { api_url: Some(url.into()), api_key: Some("k".into()), ..Config::default() };
            let error = config.resolve_with(&lookup(&[], &[])).unwrap_err().to_string();
            assert!(!error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let config = Config { api_key: Some("sesame".into()), jwt_token: Some("sesame".into()), ..Config::default() };
        assert!(!format!("{config:?}").contains("sesame"));
        assert!(!format!("{:?}", config.resolve_with(&lookup(&[], &[])).unwrap()).contains("sesame"));
    }
}
