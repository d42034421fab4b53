//! Methods of files, the interpreter and the desktop.

use super::{ARG, Arg, FORM, Form, Shape};

const EVENT: Option<(&str, &str)> = Some(("#call, nil", "_OnEvent?"));
const PATH: Option<(&str, &str)> = Some(("String, Pathname", "String | Pathname"));
const CONTEXT: Option<(&str, &str)> = Some(("InterpreterContext, String, nil", "(InterpreterContext | String)?"));
const EXCLUDE: Arg = Arg {
    name: "exclude",
    value: "exclude && Array(exclude)",
    types: Some(("Array<String>, String, nil", "(Array[String] | String)?")),
    ..ARG
};
const ON_DIRECTORY: Arg = Arg {
    name: "on_progress",
    shape: Shape::Keyword("nil"),
    types: Some(("#call, nil", "_OnDirectoryProgress?")),
    doc: "Called with a {DirectoryProgress} some ten times a second; so is a block.",
    ..ARG
};
const DIRECTORY: Option<(&str, &str, &str)> =
    Some(("DirectoryResult", "DirectoryResult", "How much it was, and what was left out although nobody excluded it."));
const BUTTON: Arg = Arg { name: "button", shape: Shape::Position("'left'"), types: Some(("String", "String")), ..ARG };
const DOUBLE: Arg = Arg { name: "double", shape: Shape::Position("false"), types: Some(("Boolean", "bool")), ..ARG };
const SHOW_CURSOR: Arg =
    Arg { name: "show_cursor", shape: Shape::Position("false"), types: Some(("Boolean", "bool")), ..ARG };
const PICTURE: [Arg; 5] = [
    Arg {
        name: "options",
        shape: Shape::Position("nil"),
        types: Some(("ScreenshotOptions, Hash, nil", "(ScreenshotOptions | Hash[Symbol, untyped])?")),
        doc: "Format, quality, size and pointer. Default: a PNG of full size without the pointer.",
        ..ARG
    },
    Arg { name: "show_cursor", shape: Shape::Hidden, sent: "options.show_cursor", ..ARG },
    Arg { name: "format", shape: Shape::Hidden, sent: "options.format", ..ARG },
    Arg { name: "quality", shape: Shape::Hidden, sent: "options.quality", ..ARG },
    Arg { name: "scale", shape: Shape::Hidden, sent: "options.scale", ..ARG },
];
const PICTURE_OPTIONS: &[&str] = &["options = ScreenshotOptions.coerce(options || {})"];

pub const FORMS: &[Form] = &[
    // Files.
    Form {
        op: "fs.upload_file",
        note: "Local files, IOs and pieces are streamed.",
        args: &[
            Arg {
                name: "source",
                shape: Shape::Required,
                types: Some(("String, Pathname, #read, #each", "FileUpload::source")),
                doc: "The path of a local file, the content itself, an IO, or pieces (an Enumerator or Array). A String \
                      is a path when there is a file with this name, else the content.",
                ..ARG
            },
            Arg {
                name: "remote_path",
                shape: Shape::Required,
                types: Some(("String", "String")),
                doc: "Path in the sandbox; relative paths start at the working directory.",
                ..ARG
            },
            Arg { name: "file", shape: Shape::Hidden, sent: "upload.to_request.to_wire(blobs)", ..ARG },
        ],
        before: &[
            "upload = FileUpload.new(source, remote_path)",
            "return upload_pieces(upload, timeout, request_timeout) if upload.streamed?",
            "",
        ],
        ..FORM
    },
    Form {
        op: "fs.upload_files",
        note: "IOs and pieces are read into memory first.",
        args: &[Arg {
            name: "files",
            types: Some((
                "Array<FileUpload, FileUploadRequest, Hash>",
                "Array[FileUpload | FileUploadRequest | Hash[Symbol, untyped]]",
            )),
            ..ARG
        }],
        before: &["files = files.map { |file| FileUpload.request(file) }"],
        ..FORM
    },
    Form {
        op: "fs.download_to_path",
        args: &[Arg { name: "local_path", value: "File.expand_path(local_path)", types: PATH, ..ARG }],
        ..FORM
    },
    Form {
        op: "fs.download_files",
        args: &[Arg {
            name: "files",
            types: Some((
                "Array<FileDownloadRequest, Hash, String>",
                "Array[FileDownloadRequest | Hash[Symbol, untyped] | String]",
            )),
            doc: "A String is the path of a file to download into memory.",
            ..ARG
        }],
        ..FORM
    },
    Form {
        op: "fs.upload_dir",
        args: &[Arg { name: "local_path", value: "local_path.to_s", types: PATH, ..ARG }, EXCLUDE, ON_DIRECTORY],
        result: "{}.finish(on_progress || block)",
        returns: DIRECTORY,
        block: Some(("progress", "DirectoryProgress", "How far it is.")),
        ..FORM
    },
    Form {
        op: "fs.download_dir",
        args: &[Arg { name: "local_path", value: "local_path.to_s", types: PATH, ..ARG }, EXCLUDE, ON_DIRECTORY],
        result: "{}.finish(on_progress || block)",
        returns: DIRECTORY,
        block: Some(("progress", "DirectoryProgress", "How far it is.")),
        ..FORM
    },
    // The code interpreter.
    Form {
        op: "code_interpreter.run_code",
        name: "run_code",
        note: "Returns what it wrote when it has ended, and the exception that ended it, if any.",
        args: &[
            Arg {
                name: "context_id",
                shape: Shape::Keyword("nil"),
                value: "id_of(context)",
                types: CONTEXT,
                doc: "Context to run in, or its id. Default: the sandbox's default context.",
                ..ARG
            },
            Arg {
                name: "on_stdout",
                shape: Shape::Keyword("nil"),
                types: EVENT,
                doc: "Called with an {OutputMessage} for each piece of standard output.",
                ..ARG
            },
            Arg {
                name: "on_stderr",
                shape: Shape::Keyword("nil"),
                types: EVENT,
                doc: "Called with an {OutputMessage} for each piece of standard error.",
                ..ARG
            },
            Arg {
                name: "on_error",
                shape: Shape::Keyword("nil"),
                types: EVENT,
                doc: "Called with the {ExecutionError} that ended the run.",
                ..ARG
            },
        ],
        result: "{}.result(on_stdout, on_stderr, on_error)",
        returns: Some(("ExecutionResult", "ExecutionResult", "")),
        ..FORM
    },
    Form {
        op: "code_interpreter.run_code",
        name: "run_code_stream",
        note: "Returns its output as it comes.",
        args: &[Arg {
            name: "context_id",
            shape: Shape::Keyword("nil"),
            value: "id_of(context)",
            types: CONTEXT,
            doc: "Context to run in, or its id. Default: the sandbox's default context.",
            ..ARG
        }],
        ..FORM
    },
    Form {
        op: "code_interpreter.delete_context",
        args: &[Arg {
            name: "context_id",
            also: &["context_id"],
            value: "id_of(context_id)",
            types: CONTEXT,
            doc: "The context or its id.",
            ..ARG
        }],
        ..FORM
    },
    // The desktop.
    Form { op: "mouse.click", args: &[BUTTON, DOUBLE], ..FORM },
    Form { op: "mouse.drag", args: &[BUTTON], ..FORM },
    Form {
        op: "mouse.scroll",
        args: &[Arg { name: "amount", shape: Shape::Position("1"), types: Some(("Integer", "Integer")), ..ARG }],
        ..FORM
    },
    Form { op: "keyboard.type_text", args: &[Arg { name: "delay", shape: Shape::Position("nil"), ..ARG }], ..FORM },
    Form { op: "keyboard.press", args: &[Arg { name: "modifiers", shape: Shape::Position("nil"), ..ARG }], ..FORM },
    Form { op: "screenshot.take_full_screen", args: &[SHOW_CURSOR], ..FORM },
    Form { op: "screenshot.take_region", args: &[SHOW_CURSOR], ..FORM },
    Form { op: "screenshot.take_compressed", args: &PICTURE, before: PICTURE_OPTIONS, ..FORM },
    Form { op: "screenshot.take_compressed_region", args: &PICTURE, before: PICTURE_OPTIONS, ..FORM },
    Form { op: "recording.start", args: &[Arg { name: "label", shape: Shape::Position("nil"), ..ARG }], ..FORM },
];
