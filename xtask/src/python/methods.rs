//! Python's form of the public methods: where it differs from the core's, and what only Python has.
//!
//! An operation that is not listed here is a method of its service with the core's name, parameters, and documentation. In
//! text, `{A}` is `Async` in the asynchronous form and nothing in the synchronous one, `{await}` likewise.

mod desktop;
mod processes;
mod sandboxes;
mod toolbox;

/// A public class and the operations it takes from a service.
pub struct Class {
    pub name: &'static str,
    /// Module it is generated in.
    pub module: &'static str,
    /// Documentation, when it is not the service's.
    pub doc: &'static str,
    /// Service whose operations these are.
    pub service: &'static str,
    /// What it extends.
    pub base: &'static str,
    /// Attributes of its own and how they are set; a service has none.
    pub head: &'static [&'static str],
    /// Where the operations of the service are, in front of the method: `self.` or an attribute.
    pub on: &'static str,
    /// Parameters that the object itself stands for.
    pub receiver: &'static [(&'static str, &'static str)],
    /// The methods. Operations that no class lists belong to the class of their service.
    pub methods: &'static [Method],
}

/// A method that differs.
pub struct Method {
    /// Operation it calls, and whose documentation it has.
    pub op: &'static str,
    /// Name, when it is not the operation's.
    pub name: &'static str,
    /// The side it is on, `sync` or `async`, when it is not on both.
    pub side: &'static str,
    /// Other names of the same.
    pub aliases: &'static [&'static str],
    /// Parameters, when they are not the operation's: names, `*` and `/`. `sync ; async` when they differ.
    pub signature: &'static str,
    /// Signatures of the overloads and their results.
    pub overloads: &'static [(&'static str, &'static str)],
    /// Lines in front of the call.
    pub prepare: &'static [&'static str],
    /// Arguments of the operation that are not simply the parameter of that name.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The call as an expression, when it is not that of the operation. `sync ; async` when they differ.
    pub call: &'static str,
    /// What is done with the result, which is `{}`.
    pub then: &'static [&'static str],
    /// Annotation of the result, when it is not the operation's.
    pub returns: &'static str,
    /// Whether the asynchronous form is a plain function too.
    pub plain: bool,
    /// Whether the synchronous form is a coroutine function too.
    pub coroutine: bool,
    /// Documentation and errors, when they are not the operation's.
    pub doc: &'static str,
    pub errors: &'static str,
}

impl Method {
    /// One that does not differ.
    pub const fn plain() -> Self {
        Self::of("")
    }

    const fn of(op: &'static str) -> Self {
        Self {
            op,
            name: "",
            side: "",
            aliases: &[],
            signature: "",
            overloads: &[],
            prepare: &[],
            arguments: &[],
            call: "",
            then: &[],
            returns: "",
            plain: false,
            coroutine: false,
            doc: "",
            errors: "",
        }
    }
}

/// The classes a program sees.
pub const CLASSES: &[Class] = &[
    sandboxes::DAYTONA,
    sandboxes::SANDBOX,
    processes::PROCESS,
    processes::SPAWNED_PROCESS,
    toolbox::FILE_SYSTEM,
    toolbox::GIT,
    processes::CODE_INTERPRETER,
    toolbox::LSP_SERVER,
    toolbox::NETWORK,
    sandboxes::VOLUME,
    sandboxes::SECRET,
    sandboxes::SNAPSHOT,
    desktop::COMPUTER_USE,
    desktop::MOUSE,
    desktop::KEYBOARD,
    desktop::SCREENSHOT,
    desktop::DISPLAY,
    desktop::RECORDING,
    desktop::ACCESSIBILITY,
];
