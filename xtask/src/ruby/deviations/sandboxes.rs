//! Methods of the client, of sandboxes and of snapshots.

use super::{ARG, Arg, FORM, Form, Shape};

const ITSELF: Option<(&str, &str, &str)> = Some(("self", "self", ""));
const SANDBOX: Option<(&str, &str, &str)> = Some(("Sandbox", "Sandbox", ""));
const ID: Arg = Arg { name: "id_or_name", shape: Shape::Hidden, sent: "id", ..ARG };
const TIMEOUT: Arg = Arg { name: "timeout", shape: Shape::Position("DEFAULT_TIMEOUT"), types: NUMERIC, ..ARG };
const WAIT: Arg = Arg { doc: "Seconds to wait; 0 = no limit. Default: 60.", ..TIMEOUT };
const OF_SANDBOX: Arg =
    Arg { name: "sandbox", shape: Shape::Required, types: Some(("Sandbox", "Sandbox")), doc: "The sandbox.", ..ARG };
const SANDBOX_TIMEOUT: Arg = Arg { shape: Shape::Position("Sandbox::DEFAULT_TIMEOUT"), ..TIMEOUT };
const SANDBOX_WAIT: Arg = Arg { shape: Shape::Position("Sandbox::DEFAULT_TIMEOUT"), ..WAIT };
const NO_FORCE: Arg = Arg { name: "force", shape: Shape::Keyword("false"), types: Some(("Boolean", "bool")), ..ARG };
const NO_WAIT: Arg = Arg { name: "wait", shape: Shape::Keyword("false"), types: Some(("Boolean", "bool")), ..ARG };
const WAIT_BY_KEYWORD: Arg = Arg { shape: Shape::Keyword("DEFAULT_TIMEOUT"), ..WAIT };
const SNAPSHOT: Arg = Arg {
    name: "id_or_name",
    value: "id_of(snapshot)",
    types: Some(("Snapshot, String", "Snapshot | String")),
    doc: "The snapshot, or its id or name.",
    ..ARG
};
const NUMERIC: Option<(&str, &str)> = Some(("Numeric", "Numeric"));

pub const FORMS: &[Form] = &[
    // The client.
    Form { op: "sandbox.create", class: "Daytona", name: "create_sandbox", private: true, ..FORM },
    Form { op: "sandbox.create_with_logs", class: "Daytona", name: "build_sandbox", private: true, ..FORM },
    Form {
        op: "sandbox.create_snapshot",
        aliases: &["experimental_create_snapshot"],
        args: &[ID, WAIT_BY_KEYWORD],
        ..FORM
    },
    Form { op: "snapshot.create", name: "make", private: true, ..FORM },
    Form { op: "snapshot.create_with_logs", name: "build", private: true, ..FORM },
    Form { op: "snapshot.activate", args: &[SNAPSHOT], ..FORM },
    Form { op: "snapshot.deactivate", args: &[SNAPSHOT], ..FORM },
    Form { op: "snapshot.delete", args: &[SNAPSHOT], ..FORM },
    Form { op: "sandbox.list", class: "Daytona", name: "list_sandboxes", private: true, ..FORM },
    Form { op: "sandbox.list_page", class: "Daytona", name: "list_sandbox_page", private: true, ..FORM },
    Form {
        op: "sandbox.get",
        class: "Daytona",
        args: &[Arg { name: "id_or_name", also: &["id"], ..ARG }],
        result: "wrap({})",
        returns: SANDBOX,
        ..FORM
    },
    Form {
        op: "sandbox.find_one",
        class: "Daytona",
        args: &[
            Arg { name: "id_or_name", shape: Shape::Position("nil"), also: &["id"], ..ARG },
            Arg { name: "labels", value: "labels&.empty? ? nil : labels", ..ARG },
        ],
        result: "wrap({})",
        returns: SANDBOX,
        ..FORM
    },
    Form {
        op: "sandbox.start",
        class: "Daytona",
        args: &[ID, OF_SANDBOX, SANDBOX_WAIT],
        returns: SANDBOX,
        instead: "sandbox.start(timeout, request_timeout: request_timeout)",
        ..FORM
    },
    Form {
        op: "sandbox.stop",
        class: "Daytona",
        args: &[ID, OF_SANDBOX, SANDBOX_TIMEOUT, NO_FORCE],
        returns: SANDBOX,
        instead: "sandbox.stop(timeout, force: force, request_timeout: request_timeout)",
        ..FORM
    },
    Form {
        op: "sandbox.delete",
        class: "Daytona",
        args: &[ID, OF_SANDBOX, SANDBOX_TIMEOUT, NO_WAIT],
        returns: SANDBOX,
        instead: "sandbox.delete(timeout, wait: wait, request_timeout: request_timeout)",
        ..FORM
    },
    // A sandbox.
    Form { op: "sandbox.start", args: &[WAIT], ..FORM },
    Form { op: "sandbox.stop", args: &[TIMEOUT, NO_FORCE], ..FORM },
    Form { op: "sandbox.delete", args: &[TIMEOUT, NO_WAIT], ..FORM },
    Form { op: "sandbox.recover", args: &[WAIT], ..FORM },
    Form {
        op: "sandbox.get",
        class: "Sandbox",
        name: "refresh",
        aliases: &["refresh_data"],
        doc: "Asks the server for the attributes again.",
        errors: "`NotFound` when it is gone.",
        args: &[ID],
        result: "update({})",
        returns: ITSELF,
        ..FORM
    },
    Form { op: "sandbox.resize", args: &[WAIT], ..FORM },
    Form { op: "sandbox.wait_for_resize_complete", args: &[WAIT], ..FORM },
    Form { op: "sandbox.pause", args: &[WAIT], ..FORM },
    // The keyword is a word of the language, too.
    Form {
        op: "sandbox.get_metrics",
        args: &[Arg { name: "end", value: "binding.local_variable_get(:end)", ..ARG }],
        ..FORM
    },
    Form {
        op: "sandbox.fork",
        args: &[Arg { shape: Shape::Keyword("DEFAULT_TIMEOUT"), ..WAIT }],
        result: "claim(Sandbox.new({}, @connection, config))",
        returns: SANDBOX,
        ..FORM
    },
    Form { op: "sandbox.wait_for_start", args: &[WAIT], ..FORM },
    Form { op: "sandbox.wait_for_stop", args: &[WAIT], ..FORM },
    Form { op: "sandbox.set_labels", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_stop_interval", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_archive_interval", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_delete_interval", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_pause_interval", plain: true, ..FORM },
    Form {
        op: "sandbox.update_network_settings",
        note: "Rules that are not given stay as they are.",
        args: &[Arg { name: "settings", shape: Shape::Spread, ..ARG }],
        ..FORM
    },
];
