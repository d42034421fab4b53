//! The public classes that have the operations as methods.

use anyhow::{Context, Result};

use crate::schema::Service;

/// A public class: its methods' receiver, the operations' caller, and the parameters it stands for.
pub struct Class {
    pub name: &'static str,
    pub receiver: &'static str,
    pub bound: &'static [(&'static str, &'static str)],
    /// Whether the hand-written files have its struct: it holds more than what runs its operations.
    pub own: bool,
}

/// The services that another one has, by methods without arguments.
pub const PARTS: (&str, &[&str]) =
    ("ComputerUse", &["Mouse", "Keyboard", "Screenshot", "Display", "Recording", "Accessibility"]);

const CLASSES: &[Class] = &[
    Class { name: "Client", receiver: "c", bound: &[], own: true },
    Class { name: "Sandbox", receiver: "s", bound: &[("id_or_name", "s.ID")], own: true },
    Class { name: "ProcessService", receiver: "p", bound: &[], own: true },
    Class {
        name: "SpawnedProcess",
        receiver: "s",
        bound: &[("process", "s.info"), ("session_id", "s.info.SessionID"), ("command_id", "s.info.CommandID")],
        own: true,
    },
    Class { name: "FileSystemService", receiver: "f", bound: &[], own: false },
    Class { name: "GitService", receiver: "g", bound: &[], own: false },
    Class { name: "CodeInterpreterService", receiver: "c", bound: &[], own: false },
    Class { name: "LspServerService", receiver: "l", bound: &[("server", "l.info")], own: true },
    Class { name: "NetworkService", receiver: "n", bound: &[], own: false },
    Class { name: "SnapshotService", receiver: "s", bound: &[], own: false },
    Class { name: "VolumeService", receiver: "v", bound: &[], own: false },
    Class { name: "SecretService", receiver: "s", bound: &[], own: false },
    Class { name: "ComputerUseService", receiver: "c", bound: &[], own: false },
    Class { name: "MouseService", receiver: "m", bound: &[], own: false },
    Class { name: "KeyboardService", receiver: "k", bound: &[], own: false },
    Class { name: "ScreenshotService", receiver: "s", bound: &[], own: false },
    Class { name: "DisplayService", receiver: "d", bound: &[], own: false },
    Class { name: "RecordingService", receiver: "r", bound: &[], own: false },
    Class { name: "AccessibilityService", receiver: "a", bound: &[], own: false },
];

pub fn class(name: &str) -> Result<&'static Class> {
    CLASSES.iter().find(|class| class.name == name).with_context(|| format!("there is no class {name}"))
}

/// The class that has a service's operations unless a method says otherwise.
pub fn class_of(service: &Service) -> String {
    match service.name.as_str() {
        "Sandboxes" => "Client".to_owned(),
        // The class is of one of them.
        "LspServers" => "LspServerService".to_owned(),
        "Snapshots" => "SnapshotService".to_owned(),
        "Volumes" => "VolumeService".to_owned(),
        "Secrets" => "SecretService".to_owned(),
        "RecordingService" => "RecordingService".to_owned(),
        name => format!("{name}Service"),
    }
}

/// Who runs an operation for an object of a class.
pub fn caller(class: &str, service: &Service) -> String {
    match class {
        "Sandbox" if service.toolbox => "s.FileSystem.caller".to_owned(),
        "Sandbox" => "s.client.caller".to_owned(),
        _ => {
            let receiver = CLASSES.iter().find(|c| c.name == class).map_or("", |c| c.receiver);
            format!("{receiver}.caller")
        }
    }
}
