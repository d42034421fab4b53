//! What Ruby's methods do otherwise than the schema says, beyond the names in `schema/deviations.toml`: defaults, types,
//! conversions, results, blocks, and further methods of an operation. A method that is not listed follows the schema.
//!
//! Snippets of Ruby stand where only Ruby can say it; whatever they call is in the hand-written half of the class.

mod processes;
mod sandboxes;
mod toolbox;

/// How a parameter appears.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// As the schema has it: parameters by position, options by keyword.
    Schema,
    /// Required, by position.
    Required,
    /// Optional, by position, with this default.
    Position(&'static str),
    /// Optional, by keyword, with this default.
    Keyword(&'static str),
    /// Not at all: what is sent is `value`.
    Hidden,
    /// The fields of its struct, by keyword.
    Spread,
}

/// A parameter that deviates, or that only Ruby has.
pub struct Arg {
    /// In the schema; of a parameter that only Ruby has, its name.
    pub name: &'static str,
    pub shape: Shape,
    /// Other keywords for the same.
    pub also: &'static [&'static str],
    /// What is sent, before it is encoded. Default: the parameter.
    pub value: &'static str,
    /// What is sent, encoded.
    pub sent: &'static str,
    /// Types in the notations of YARD and RBS. Default: those of the schema.
    pub types: Option<(&'static str, &'static str)>,
    /// Documentation instead of the schema's.
    pub doc: &'static str,
}

/// What the block of a method gets: name, class, and what happens afterwards.
pub type Block = (&'static str, &'static str, &'static str);

/// A method.
pub struct Form {
    /// The operation.
    pub op: &'static str,
    /// The class it is a method of. Default: the one that the schema says.
    pub class: &'static str,
    /// Default: the operation's name, or the one in `schema/deviations.toml`, as are its aliases.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// Documentation instead of the schema's.
    pub doc: &'static str,
    /// Documentation after the schema's.
    pub note: &'static str,
    /// Kinds of errors it raises, as the schema says it. Default: the schema's.
    pub errors: &'static str,
    pub args: &'static [Arg],
    /// Lines before the call.
    pub before: &'static [&'static str],
    /// What is returned; `{}` is the result as the schema has it.
    pub result: &'static str,
    /// Types of the result in the notations of YARD and RBS, and what it is.
    pub returns: Option<(&'static str, &'static str, &'static str)>,
    pub block: Option<Block>,
    /// Whether only the class itself calls it.
    pub private: bool,
    /// Whether it takes its argument by position only: a hash without braces.
    pub plain: bool,
    /// The call, where another method makes it.
    pub instead: &'static str,
}

const ARG: Arg = Arg { name: "", shape: Shape::Schema, also: &[], value: "", sent: "", types: None, doc: "" };

pub const FORM: Form = Form {
    op: "",
    class: "",
    name: "",
    aliases: &[],
    doc: "",
    note: "",
    errors: "",
    args: &[],
    before: &[],
    result: "{}",
    returns: None,
    block: None,
    private: false,
    plain: false,
    instead: "",
};

/// Names of the same option: whichever an operation has, the others are taken too.
pub const ENVIRONMENT: [&str; 3] = ["env", "envs", "env_vars"];

/// Every method that deviates.
pub fn forms() -> impl Iterator<Item = &'static Form> {
    [sandboxes::FORMS, processes::FORMS, toolbox::FORMS].into_iter().flatten()
}

/// Classes whose attributes are those of a struct: class, struct, and the attributes (all when there are none).
pub const ATTRIBUTES: &[(&str, &str, &[&str])] = &[
    ("Sandbox", "SandboxInfo", &[]),
    ("SpawnedProcess", "ProcessInfo", &["id", "command", "cwd", "exit_code"]),
    ("LspServer", "LspServerInfo", &[]),
];

/// Other names of attributes: struct, other name, attribute.
pub const ATTRIBUTE_ALIASES: &[(&str, &str, &str)] = &[
    ("Command", "cmd_id", "id"),
    ("ListSandboxesQuery", "public?", "is_public"),
    ("ListSandboxesQuery", "recoverable?", "is_recoverable"),
    ("SandboxInfo", "os_user", "user"),
    ("SessionExecuteResponse", "id", "cmd_id"),
];

/// Attributes that can be given and read by another name: struct, other name, attribute.
pub const SYNONYMS: &[(&str, &str, &str)] = &[
    ("CreateSandboxParams", "os_user", "user"),
    ("CreateSandboxParams", "env", "env_vars"),
    ("CreateSandboxParams", "envs", "env_vars"),
    ("ScreenshotOptions", "fmt", "format"),
    ("SessionExecuteRequest", "var_async", "run_async"),
];

/// Structs that are made into other classes when they arrive: struct, class and expression.
pub const RECEIVED_AS: &[(&str, &str, &str)] =
    &[("Chart", "Chart", "Charts.parse_chart(ChartInfo.from_wire({}, blobs))")];

/// Structs for which one value may stand: struct and the attribute that the value is.
pub const SHORTHANDS: &[(&str, &str)] = &[("FileDownloadRequest", "source"), ("SessionExecuteRequest", "command")];
