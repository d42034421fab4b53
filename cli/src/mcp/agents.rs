//! The configuration files of agents.
//!
//! Everything that is in such a file stays as it is, to the byte, but for the entry of this server.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::failure::{Done, Failure};

/// The key of this server's entry.
const ENTRY: &str = "daytona-mcp";

/// An agent whose configuration is known.
pub struct Agent {
    /// Name on the command line.
    pub name: &'static str,
    /// The file, below the home directory.
    file: &'static [&'static str],
    /// The same on macOS, where that differs.
    file_on_macos: &'static [&'static str],
    /// The key that holds the servers.
    key: &'static str,
}

/// The agents.
pub const AGENTS: &[Agent] = &[
    Agent {
        name: "claude",
        file: &[".config", "Claude", "claude_desktop_config.json"],
        file_on_macos: &["Library", "Application Support", "Claude", "claude_desktop_config.json"],
        key: "mcpServers",
    },
    Agent { name: "cursor", file: &[".cursor", "mcp.json"], file_on_macos: &[], key: "mcpServers" },
    Agent {
        name: "windsurf",
        file: &[".codeium", "windsurf", "mcp_config.json"],
        file_on_macos: &[],
        key: "mcpServers",
    },
    Agent { name: "claude-code", file: &[".claude.json"], file_on_macos: &[], key: "mcpServers" },
    Agent { name: "gemini", file: &[".gemini", "settings.json"], file_on_macos: &[], key: "mcpServers" },
    Agent {
        name: "vscode",
        file: &[".config", "Code", "User", "mcp.json"],
        file_on_macos: &["Library", "Application Support", "Code", "User", "mcp.json"],
        key: "servers",
    },
];

/// The agent of this name.
///
/// # Errors
/// For a name that is not known.
pub fn agent(name: &str) -> Done<&'static Agent> {
    let names = || AGENTS.iter().map(|agent| agent.name).collect::<Vec<_>>().join(", ");
    AGENTS
        .iter()
        .find(|agent| agent.name == name)
        .ok_or_else(|| Failure::usage(format!("{name:?} is not a known agent: use one of {}.", names())))
}

/// This server's entry: the program, and what of the environment decides whom it acts for, but no secrets.
pub fn entry(profile: Option<&str>) -> Done<Value> {
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let mut arguments = vec!["mcp".to_owned(), "start".to_owned()];
    if let Some(profile) = profile {
        arguments.extend(["--profile".to_owned(), profile.to_owned()]);
    }
    let mut entry = json!({ "command": program, "args": arguments });
    let kept = ["DAYTONA_API_URL", "DAYTONA_TARGET", "DAYTONA_ORGANIZATION_ID", "DAYTONA_CONFIG_DIR"];
    for (name, value) in kept.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))) {
        if !value.is_empty() {
            entry["env"][name] = json!(value);
        }
    }
    Ok(entry)
}

/// The entry as it stands in an agent's file.
pub fn configuration(agent: &Agent, entry: &Value) -> Value {
    json!({ agent.key: { ENTRY: entry } })
}

/// Puts the entry into the agent's file and returns that file's path.
///
/// # Errors
/// When the file is not JSON, or cannot be written. It is not touched then.
pub fn install(agent: &Agent, entry: &Value) -> Done<PathBuf> {
    let path = agent.path()?;
    let failed = |error: std::io::Error| Failure::other(format!("{} cannot be written: {error}", path.display()));
    // Where it is a link, what it leads to is changed.
    let target = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    let (before, permissions) = match std::fs::read_to_string(&target) {
        Ok(text) => (text, Some(std::fs::metadata(&target).map_err(failed)?.permissions())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(Failure::other(format!("{} cannot be read: {error}", path.display()))),
    };
    let after = insert(&before, agent.key, entry).map_err(|error| {
        let shown = configuration(agent, entry);
        Failure::other(format!("{} is not plain JSON ({error}); add this to it by hand:\n{shown:#}", path.display()))
    })?;
    let directory = target.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(after.as_bytes()).map_err(failed)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions).map_err(failed)?;
    }
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(path)
}

impl Agent {
    fn path(&self) -> Done<PathBuf> {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let home = home.ok_or_else(|| Failure::other("there is no home directory: set HOME"))?;
        let parts = match self.file_on_macos {
            parts if cfg!(target_os = "macos") && !parts.is_empty() => parts,
            _ => self.file,
        };
        Ok(parts.iter().fold(PathBuf::from(home), |path, part| path.join(part)))
    }
}

/// An object whose values stay text, in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}

impl Fields<'_> {
    /// Sets a field in its place, or at the end.
    fn set<'a>(self, key: &str, value: &'a RawValue) -> Fields<'a>
    where
        Self: 'a,
    {
        let mut fields: Vec<(String, &'a RawValue)> =
            self.0.into_iter().map(|(key, value)| (key, value as _)).collect();
        match fields.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => fields.push((key.to_owned(), value)),
        }
        Fields(fields)
    }

    fn text(&self, indent: usize) -> String {
        let lines: Vec<_> = self
            .0
            .iter()
            .map(|(key, value)| format!("{:indent$}{}: {value}", "", json!(key), indent = indent + 2))
            .collect();
        format!("{{\n{}\n{:indent$}}}", lines.join(",\n"), "")
    }
}

fn insert(before: &str, key: &str, entry: &Value) -> Result<String, serde_json::Error> {
    let whole = if before.trim().is_empty() { "{}" } else { before };
    let top: Fields<'_> = serde_json::from_str(whole)?;
    let servers = top.0.iter().find(|(known, _)| known == key).map_or("{}", |(_, servers)| servers.get());
    let servers: Fields<'_> = serde_json::from_str(servers)?;
    // Indented as deep as it will stand.
    let entry = format!("{entry:#}").replace('\n', "\n    ");
    let entry: Box<RawValue> = RawValue::from_string(entry)?;
    let servers = RawValue::from_string(servers.set(ENTRY, &entry).text(2))?;
    Ok(top.set(key, &servers).text(0) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_as_it_is() {
        let before =
            r#"{"z": [1,  2], "mcpServers": {"other": {"command":"x",   "n": 1.50}, "b": null}, "a": "ü\u00e9"}"#;
        let after = insert(before, "mcpServers", &json!({"command": "daytona"})).unwrap();
        for kept in [r#""z": [1,  2]"#, r#""other": {"command":"x",   "n": 1.50}"#, r#""a": "ü\u00e9""#] {
            assert!(after.contains(kept), "{after}");
        }
        let (was, is): (Value, Value) = (serde_json::from_str(before).unwrap(), serde_json::from_str(&after).unwrap());
        assert_eq!(is["mcpServers"][ENTRY]["command"], "daytona");
        assert_eq!((&is["z"], &is["mcpServers"]["b"]), (&was["z"], &was["mcpServers"]["b"]));
        // Once more changes nothing.
        assert_eq!(insert(&after, "mcpServers", &json!({"command": "daytona"})).unwrap(), after);
    }

    #[test]
    fn an_empty_file_is_begun_and_another_form_is_refused() {
        assert!(insert("", "servers", &json!({})).unwrap().contains(ENTRY));
        for wrong in ["[]", "{\"mcpServers\": []}", "{ // comment\n}", "{"] {
            assert!(insert(wrong, "mcpServers", &json!({})).is_err(), "{wrong}");
        }
    }
}
