//! What can be imported from the package itself.

use super::methods::CLASSES;
use super::text::Text;
use super::{HEADER, Layout, hand_written, import_line};

/// Public classes that are not those of the core, by their module. Those of `side` exist twice.
const PLACES: &[(&str, &[&str])] = &[
    (
        "generated.charts",
        &[
            "BarChart",
            "BarData",
            "BoxAndWhiskerChart",
            "BoxAndWhiskerData",
            "Chart",
            "Chart2D",
            "ChartElement",
            "CompositeChart",
            "LineChart",
            "PieChart",
            "PieData",
            "PointChart",
            "PointData",
            "ScatterChart",
        ],
    ),
    ("generated.config", &["DaytonaConfig"]),
    ("_files", &["CancelEvent", "DownloadProgress", "FileDownloadResponse", "FileUpload", "UploadProgress"]),
    ("_frames", &["LogChunk"]),
    ("_messages", &["OutputMessage"]),
    (
        "generated.create_params",
        &["CreateSandboxBaseParams", "CreateSandboxFromImageParams", "CreateSandboxFromSnapshotParams"],
    ),
    ("side.building", &["SnapshotBuild"]),
    ("side.client", &["Daytona"]),
    ("side.forward", &["PortForward"]),
    ("side.listing", &["PaginatedSandboxes"]),
    ("side.outputs", &["LogStream", "OutputStream", "ProcessOutput"]),
    ("side.pty", &["PtyHandle"]),
    ("side.reader", &["OutputReader"]),
    ("side.sandbox", &["Sandbox"]),
    ("side.spawned", &["SpawnedProcess"]),
];
const STREAMS: (&str, &[&str]) = ("side.streams", &["DownloadStream", "FileReader", "FileWriter"]);
/// Names that are loaded when they are first used.
const LATER: [(&str, &[&str]); 4] = [
    ("_async.object_storage", &["AsyncObjectStorage"]),
    ("_sync.object_storage", &["ObjectStorage"]),
    ("generated.image", &["Image"]),
    ("_types", &["CodeLanguageLiteral", "LspLanguageIdLiteral", "OutputHandler", "SupportedPythonSeries"]),
];

/// Structs that a class of the package stands for.
const INTERNAL: [&str; 6] = [
    "CreateSandboxParams",
    "ListSandboxesResponse",
    "LspServerInfo",
    "NetworkSettings",
    "PaginatedSandboxes",
    "SandboxInfo",
];

/// The public names: `exports.py` has those that are loaded with the package, `later.py` those that are loaded when they are
/// first used.
pub fn files(layout: &Layout) -> [(&'static str, String); 2] {
    let mut now = Vec::new();
    let mut later = Vec::new();
    let mut add = |module: &str, names: &[&str]| {
        let twin = module.strip_prefix("side.");
        let place = |side: &str| {
            twin.map_or_else(|| format!("..{module}").replace("..generated", ""), |module| format!("..{side}.{module}"))
        };
        for name in names {
            now.push((place("_sync"), (*name).to_owned()));
            if twin.is_some() {
                later.push((place("_async"), format!("Async{name}")));
            }
        }
    };
    for (module, names) in PLACES.iter().chain([&STREAMS]) {
        add(module, names);
    }
    for class in CLASSES.iter().filter(|class| class.base.trim_end_matches('s').ends_with("Service")) {
        now.push((format!(".ops.{}", class.module), class.name.to_owned()));
        later.push((format!(".async_ops.{}", class.module), format!("Async{}", class.name)));
    }
    now.extend(layout.schema.enums.iter().map(|item| (".enums".to_owned(), item.name.clone())));
    let exported = |name: &str| !INTERNAL.contains(&name) && hand_written(name).is_none();
    for (name, home) in layout.homes.iter().filter(|(name, _)| exported(name)) {
        now.push((format!(".models.{home}"), (*name).to_owned()));
    }
    for (module, names) in LATER {
        let place = format!("..{module}").replace("..generated", "");
        later.extend(names.iter().map(|name| (place.clone(), (*name).to_owned())));
    }
    let names: Vec<String> = sorted(&later);
    let mut exports = module("The public names.", now);
    exports.lines(0, "\n# What `later` has.");
    exports.list(0, "LATER = [", &names, "]");
    [
        ("exports.py", exports.finish()),
        ("later.py", module("Public names that are loaded when they are first used.", later).finish()),
    ]
}

fn module(doc: &str, names: Vec<(String, String)>) -> Text {
    let mut text = Text::new();
    text.line(0, &format!("\"\"\"{doc} {HEADER}\"\"\""));
    text.line(0, "");
    let mut modules: Vec<&String> = names.iter().map(|(module, _)| module).collect();
    modules.sort_by_key(|module| (usize::MAX - (module.len() - module.trim_start_matches('.').len()), *module));
    modules.dedup();
    for module in modules {
        let mut own: Vec<String> = names.iter().filter(|(of, _)| of == module).map(|(_, name)| name.clone()).collect();
        own.sort_by_key(|name| super::twin::rank(name));
        text.lines(0, &import_line(module, &own));
    }
    text.line(0, "");
    text.list(0, "__all__ = [", &sorted(&names), "]");
    text
}

fn sorted(names: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|(_, name)| format!("\"{name}\"")).collect();
    names.sort();
    names
}
