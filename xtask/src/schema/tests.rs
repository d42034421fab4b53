//! Tests of reading and of refusing: an undocumented or unknown thing must not reach a language by accident.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Receiver, Schema, Type, Update};

const FRAMES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/bridge/src/frames.rs");

const ERRORS: &str = r#"
/// Kinds.
pub enum ErrorKind {
    /// Any.
    Unknown,
    /// Not there.
    NotFound,
}
impl ErrorKind {
    pub const fn from_status(status: u16) -> Self {
        match status {
            404 | 410..=412 => Self::NotFound,
            _ => Self::Unknown,
        }
    }
}
/// An error.
pub struct ErrorInfo {
    /// Kind.
    pub kind: ErrorKind,
    /// Message.
    pub message: String,
}
"#;
const CONFIG: &str = r#"
/// A configuration.
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Key.
    #[debug("[secret]")]
    pub api_key: Option<String>,
    /// Caller.
    pub source: Option<String>,
}
"#;
const SERVICES: &str =
    "/// Sandboxes.\npub struct Sandboxes { client: Client }\n/// Files.\npub struct FileSystem { toolbox: Toolbox }\n";
const MODEL: &str = r#"
/// A sandbox.
#[derive(derive_more::Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxInfo {
    /// Id.
    pub id: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Token.
    #[debug("[secret]")]
    pub token: Option<String>,
}
/// Options of `sum`.
pub struct SumOptions {
    /// Algorithm. Default: `sha256`.
    pub algorithm: Option<String>,
}
/// State.
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Running.
    Up,
    /// Any other.
    #[serde(untagged)]
    Other(String),
}
"#;
const PROTOCOLS: &str = r#"
/// A log.
pub struct LogStream { inner: () }
impl LogStream {
    /// The next piece.
    pub async fn next(&mut self) -> Result<Option<LogChunk>> { todo!() }
}
/// A piece.
pub struct LogChunk { pub channel: LogChannel, pub data: Bytes }
pub enum LogChannel { Stdout, Stderr }
"#;
const OPS: &str = r#"
impl Sandboxes {
    /// Replaces the labels.
    ///
    /// # Parameters
    /// * `id_or_name`: Id or name
    ///   of the sandbox.
    /// * `labels`: The labels.
    ///
    /// # Errors
    /// None.
    pub async fn set_labels(&self, id_or_name: &str, labels: BTreeMap<String, String>) -> Result<()> { todo!() }
}
impl FileSystem {
    /// Follows a file.
    ///
    /// # Parameters
    /// * `options.algorithm`: Not used here.
    ///
    /// # Errors
    /// None.
    pub async fn follow(&self, options: SumOptions) -> Result<LogStream> { todo!() }
}
"#;
const IMAGE: &str = r#"
/// An image.
pub struct Image { text: String }
impl Image {
    /// Takes an image as it is.
    pub fn new(text: String) -> Self { todo!() }
    /// Starts.
    ///
    /// # Parameters
    /// * `version`: Version. Default: the last.
    pub fn slim(version: Option<&str>) -> Self { todo!() }
    /// Adds items.
    ///
    /// # Parameters
    /// * `items`: Items.
    /// * `options.algorithm`: Of the items.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn add<I>(self, items: I, options: SumOptions) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    { todo!() }
    /// The text.
    pub fn text(&self) -> &str { todo!() }
}
"#;

/// The sources of a core, with some of them replaced.
fn core(changes: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let given = [
        ("config.rs", CONFIG),
        ("error.rs", ERRORS),
        ("model/all.rs", MODEL),
        ("protocols/logs.rs", PROTOCOLS),
        ("ops/mod.rs", SERVICES),
        ("ops/all.rs", OPS),
        ("image/mod.rs", IMAGE),
    ];
    for (file, text) in given.iter().chain(changes) {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn refused(file: &str, text: &str) -> String {
    let directory = core(&[(file, text)]);
    match Schema::read(directory.path(), Path::new(FRAMES)) {
        Ok(_) => panic!("not refused: {text}"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn a_core_is_read_with_everything_that_languages_need() {
    let directory = core(&[]);
    let schema = Schema::read(directory.path(), Path::new(FRAMES)).unwrap();
    let ops: Vec<_> = schema.ops().collect();
    assert_eq!((ops[0].id.as_str(), ops[0].receiver), ("sandbox.set_labels", Receiver::Sandbox));
    assert_eq!(ops[0].supplied.as_deref(), Some("id_or_name"));
    let (field, param) = ("labels".to_owned(), "labels".to_owned());
    assert_eq!(ops[0].updates, Some(Update::FieldFromParam { field, param }));
    assert_eq!(ops[0].params[0].field.doc, "Id or name\nof the sandbox.");
    assert_eq!(ops[1].returns, Type::Stream { name: "LogStream".into() });
    let option = &schema.options(ops[1])[0];
    assert_eq!((option.name.as_str(), option.doc.as_str()), ("algorithm", "Not used here."));
    assert_eq!(schema.structure("SumOptions").unwrap().fields[0].doc, "Algorithm. Default: `sha256`.");
    let items: Vec<_> = schema.streams[0].items.iter().map(|item| (item.name.as_str(), item.tag)).collect();
    assert_eq!(items, [("stdout", 1), ("stderr", 2)]);
    let secret: Vec<_> =
        schema.structs[0].fields.iter().filter(|field| field.secret).map(|field| &field.name).collect();
    assert_eq!(secret, ["token"]);
    assert_eq!(schema.enums[0].values.len(), 1);
    let key = &schema.config.fields[0];
    assert_eq!((schema.config.fields.len(), key.wire.as_str(), key.secret), (1, "apiKey", true));
    assert_eq!(schema.error.fields.len(), 1);
    let results: Vec<_> = schema.ops().map(|op| op.result.as_str()).collect();
    assert_eq!(results, ["", "A log."]);
    assert_eq!(schema.errors[1].statuses, [(404, 404), (410, 412)]);
}

#[test]
fn better_words_leave_the_hash_as_it_is() {
    let hash =
        |model: &str| Schema::read(core(&[("model/all.rs", model)]).path(), Path::new(FRAMES)).unwrap().hash().unwrap();
    assert_eq!(hash(MODEL), hash(&MODEL.replace("/// Id.", "/// Unique id.")));
    assert_ne!(hash(MODEL), hash(&MODEL.replace("pub id: String", "pub id: i64")));
}

#[test]
fn the_steps_of_images_are_read_with_their_forms() {
    let schema = Schema::read(core(&[]).path(), Path::new(FRAMES)).unwrap();
    let [slim, add] = schema.image.steps.as_slice() else { panic!("not two steps") };
    assert_eq!(
        (slim.name.as_str(), slim.starts, slim.fails, slim.params[0].field.optional),
        ("slim", true, false, true)
    );
    assert_eq!((add.name.as_str(), add.starts, add.fails), ("add", false, true));
    assert_eq!(add.params[0].field.ty, Type::List { of: Box::new(Type::String) });
    assert_eq!(add.errors, "`NotFound` when there is none.");
    assert_eq!(add.option_fields[0].doc, "Of the items.");
}

#[test]
fn a_step_that_codegen_does_not_understand_is_refused() {
    let step = |docs: &str, signature: &str| {
        format!("/// An image.\npub struct Image {{}} impl Image {{ {docs} pub fn step{signature} {{ todo!() }} }}")
    };
    let documented = "/// Steps.\n///\n/// # Parameters\n/// * `to`: Path.\n///\n/// # Errors\n/// None.\n";
    for (docs, signature, expected) in [
        ("", "(self) -> Self", "documentation"),
        ("/// Steps.\n", "(self) -> Result<Self>", "no section `# Errors`"),
        ("/// Steps.\n", "(self, to: &str) -> Self", "`to` is not documented"),
        (documented, "(self, to: u8) -> Self", "u8 is not supported"),
        (documented, "(self, to: String) -> Self", "not supported in a step"),
        (documented, "<I>(self, to: I) -> Self where I: Iterator", "its bounds are I:Iterator"),
        (documented, "(self, to: &str) -> String", "no steps of Image"),
    ] {
        let error = refused("image/mod.rs", &step(docs, signature));
        assert!(error.contains(expected), "{error}\nin {signature}");
    }
}

#[test]
fn an_operation_that_is_not_documented_is_refused() {
    let documented = "/// Sums.\n///\n/// # Parameters\n/// * `path`: Path.\n///\n/// # Errors\n/// None.\n";
    let op =
        |docs: &str, signature: &str| format!("impl FileSystem {{ {docs} pub async fn sum{signature} {{ todo!() }} }}");
    let signature = "(&self, path: &str) -> Result<String>";
    for (source, expected) in [
        (op("", signature), "needs documentation with an `# Errors` section"),
        (op("/// Sums.\n", signature), "needs documentation with an `# Errors` section"),
        (op(&documented.replace("/// * `path`: Path.\n", ""), signature), "the parameter `path` is not documented"),
        (op(&documented.replace("`path`", "`paths`"), signature), "has `paths` where the parameter is `path`"),
        (op(&documented.replace("* `path`: Path.", "path: Path."), signature), "belongs to no parameter"),
        (op(documented, "(&self) -> Result<String>"), "has `path`, which is neither a parameter nor an option"),
        (op(&documented.replace("# Errors", "# Panics"), signature), "has the section `# Panics`"),
        (op(&format!("{documented}///\n/// # Examples\n/// sum\n"), signature), "not file and region"),
        (op(documented, "(&self, path: &Path) -> Result<String>"), "the type Path is not supported"),
        (op(documented, "(&self, path: &str) -> String"), "does not return a Result"),
        (op(documented, "(&self, path: &str) -> Result<Option<String>>"), "an optional result is not supported"),
        (op(documented, "(&self, path: Vec<Option<String>>) -> Result<()>"), "an `Option` inside another type"),
    ] {
        let error = refused("ops/sum.rs", &source);
        assert!(error.contains(expected) && error.contains("ops/sum.rs: sum"), "{error}\nin {source}");
    }
}

#[test]
fn a_model_that_not_every_language_can_express_is_refused() {
    let item = |text: &str| format!("/// An item.\npub struct Item {{ {text} }}");
    for (source, expected) in [
        ("pub struct Item { }".to_owned(), "has no documentation"),
        (item("pub id: String,"), "has no documentation"),
        (item("/// Id.\n pub id: u8,"), "the type u8 is not supported"),
        (item("/// Id.\n #[serde(flatten)] pub id: String,"), "#[serde(flatten)] is not known"),
        (item("/// Id.\n #[serde(rename_all = \"kebab-case\")] pub id: String,"), "kebab-case"),
        (item("/// Time.\n pub time: Option<Duration>,"), "the type Duration is not supported"),
        (
            item("/// Time.\n #[serde(with = \"crate::model::seconds\")] pub time: Duration,"),
            "only an Option<Duration>",
        ),
        (item("/// Id.\n #[validate] pub id: String,"), "the attribute #[validate] is not known"),
        (item("/// Id.\n #[debug(\"***\")] pub id: String,"), "a secret is marked with"),
        (item("/// Password.\n pub password: String,"), "must be marked as a secret"),
        ("/// An item.\npub struct Item(String);".to_owned(), "only structs with named fields"),
        ("/// An item.\n///\n/// # Notes\n/// None.\npub struct Item { }".to_owned(), "which only operations have"),
        ("/// Kinds.\npub enum Item { One }".to_owned(), "has no documentation"),
        ("/// Kinds.\npub enum Item {\n /// One.\n One(i64) }".to_owned(), "only plain variants are supported"),
    ] {
        let error = refused("model/item.rs", &source);
        assert!(error.contains(expected) && error.contains("model/item.rs: Item"), "{error}\nin {source}");
    }
}

#[test]
fn a_stream_whose_items_nobody_could_read_is_refused() {
    let error = refused("protocols/logs.rs", &PROTOCOLS.replace("Stderr", "Journal"));
    assert!(error.contains("items of the kind \"journal\" have no tag"), "{error}");
}

#[test]
fn an_enum_with_data_is_a_struct_of_all_its_fields() {
    let source = r#"
/// Something that happened.
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// Text arrived.
    TextArrived {
        /// The text.
        text: String,
        /// Seconds since the start.
        at_second: f64,
    },
    /// It ended.
    Ended {
        /// Exit code.
        code: i64,
        /// Seconds since the start.
        at_second: f64,
    },
}
"#;
    let directory = core(&[("model/event.rs", source)]);
    let schema = Schema::read(directory.path(), Path::new(FRAMES)).unwrap();
    let event = schema.structure("Event").unwrap();
    let fields: Vec<_> = event.fields.iter().map(|field| (field.wire.as_str(), field.optional)).collect();
    assert_eq!(fields, [("type", false), ("text", true), ("atSecond", true), ("code", true)]);
    assert_eq!(event.fields[0].ty, Type::Enum { name: "EventKind".into() });
    let variants: Vec<_> = event.variants.iter().map(|v| (v.wire.as_str(), v.fields.join(" "))).collect();
    assert_eq!(variants, [("textArrived", "text at_second".to_owned()), ("ended", "code at_second".to_owned())]);
    assert!(schema.enums.iter().any(|item| item.name == "EventKind" && item.values.len() == 2));

    let error = refused("model/event.rs", &source.replace("code: i64", "text: i64"));
    assert!(error.contains("Ended: another variant has a field text of another type"), "{error}");
    let error = refused("model/event.rs", &source.replace("/// Exit code.", ""));
    assert!(error.contains("Ended: field code: has no documentation"), "{error}");
}
