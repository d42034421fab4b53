//! The documented names of each language: of services, spans and metrics (wire.md 8).

use std::borrow::Cow;

/// What a span is named after.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Names {
    /// The class, in the caller's language.
    pub(super) component: String,
    /// The method.
    pub(super) method: String,
}

impl Names {
    /// The names for an operation that the programs of `source` know as `receiver.method`.
    pub(super) fn new(source: &str, operation: &str, known_as: &str) -> Self {
        let (source, prefix) = match source.strip_suffix("-async") {
            Some(source) => (source, "Async"),
            None => (source, ""),
        };
        let (receiver, method) = known_as.split_once('.').unwrap_or(("", known_as));
        let method = match operation {
            "sandbox.list_page" => match source {
                "sdk-typescript" => "list.fetchPage",
                "sdk-go" => "List.fetchPage",
                _ => "list.fetch_page",
            },
            _ => method,
        };
        Self { component: format!("{prefix}{}", component(source, receiver)), method: method.to_owned() }
    }

    pub(super) fn span(&self) -> String {
        format!("{}.{}", self.component, self.method)
    }

    /// The name of the histogram. Languages differ where two words meet.
    pub(super) fn metric(&self, source: &str) -> String {
        let mut name = String::new();
        let mut before = None;
        for c in self.span().chars() {
            match c {
                '.' => name.push('_'),
                c if c.is_ascii_uppercase() => {
                    let begins = match source {
                        "sdk-go" => before.is_some_and(|b: char| b != '.' && !b.is_ascii_uppercase()),
                        "sdk-ruby" => before.is_some_and(|b| b != '.'),
                        _ => before.is_some(),
                    };
                    if begins {
                        name.push('_');
                    }
                    name.push(c.to_ascii_lowercase());
                }
                c => name.push(c),
            }
            before = Some(c);
        }
        name + "_duration"
    }
}

/// The public class that an operation is called on.
fn component<'a>(source: &str, receiver: &'a str) -> Cow<'a, str> {
    let pascal: String = receiver
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect();
    match (source, pascal.as_str()) {
        ("sdk-go" | "sdk-rust", "Daytona") => "Client".into(),
        (_, "Fs" | "FS") => "FileSystem".into(),
        ("sdk-go" | "sdk-rust", _) => pascal.into(),
        (_, "Snapshot") => "SnapshotService".into(),
        (_, "Volume") => "VolumeService".into(),
        (_, "Secret") => "SecretService".into(),
        ("sdk-python" | "sdk-typescript", "Recording") => "RecordingService".into(),
        _ => pascal.into(),
    }
}

/// The name of the service: `daytona-python-sdk`.
pub(super) fn service(source: &str) -> String {
    format!("daytona-{}-sdk", language(source))
}

/// The name of the tracer and the meter.
pub(super) fn scope(source: &str) -> String {
    match source {
        "sdk-python" | "sdk-python-async" => "daytona-sdk-python".to_owned(),
        "sdk-typescript" => String::new(),
        _ => service(source),
    }
}

fn language(source: &str) -> &str {
    let source = source.strip_prefix("sdk-").unwrap_or(source);
    source.strip_suffix("-async").unwrap_or(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_metrics_have_the_documented_names() {
        for (source, operation, known_as, span, metric) in [
            ("sdk-python", "sandbox.create", "daytona.create", "Daytona.create", "daytona_create_duration"),
            (
                "sdk-python-async",
                "sandbox.create",
                "daytona.create",
                "AsyncDaytona.create",
                "async_daytona_create_duration",
            ),
            (
                "sdk-python",
                "sandbox.wait_for_start",
                "sandbox.wait_for_sandbox_start",
                "Sandbox.wait_for_sandbox_start",
                "sandbox_wait_for_sandbox_start_duration",
            ),
            (
                "sdk-typescript",
                "fs.list_files",
                "fs.listFiles",
                "FileSystem.listFiles",
                "file_system_list_files_duration",
            ),
            (
                "sdk-typescript",
                "sandbox.list_page",
                "daytona.listPage",
                "Daytona.list.fetchPage",
                "daytona_list_fetch_page_duration",
            ),
            ("sdk-go", "sandbox.create", "Daytona.Create", "Client.Create", "client_create_duration"),
            ("sdk-go", "process.create_pty", "Process.CreatePTY", "Process.CreatePTY", "process_create_pty_duration"),
            ("sdk-ruby", "snapshot.get", "snapshot.get", "SnapshotService.get", "snapshot_service_get_duration"),
        ] {
            let names = Names::new(source, operation, known_as);
            assert_eq!((names.span().as_str(), names.metric(source).as_str()), (span, metric));
        }
        assert_eq!(
            (service("sdk-python"), scope("sdk-python")),
            ("daytona-python-sdk".into(), "daytona-sdk-python".into())
        );
        assert_eq!(
            (service("sdk-typescript"), scope("sdk-typescript")),
            ("daytona-typescript-sdk".into(), String::new())
        );
        assert_eq!((service("sdk-go"), scope("sdk-go")), ("daytona-go-sdk".into(), "daytona-go-sdk".into()));
    }
}
