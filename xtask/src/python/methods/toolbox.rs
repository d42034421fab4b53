//! Files, repositories, language servers and the network of a sandbox.

use super::{Class, Method};

pub const FILE_SYSTEM: Class = Class {
    name: "FileSystem",
    module: "fs",
    doc: "",
    service: "fs",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[
        Method {
            signature: "file remote_path timeout * local_path upload.on_progress cancel_event",
            overloads: &[
                (
                    "file: Bytes | LocalPath | Readable, remote_path: str, timeout: float = 1800.0, *, on_progress: Callable[[UploadProgress], Any] | None = None, cancel_event: CancelEvent | None = None",
                    "None",
                ),
                (
                    "*, local_path: LocalPath, remote_path: str, timeout: float = 1800.0, on_progress: Callable[[UploadProgress], Any] | None = None, cancel_event: CancelEvent | None = None",
                    "None",
                ),
            ],
            call: "upload_file(self, local_path if file is None else file, remote_path, timeout, on_progress, cancel_event)",
            ..Method::of("fs.upload_file")
        },
        Method { signature: "files timeout", ..Method::of("fs.upload_files") },
        Method {
            name: "upload_file_stream",
            signature: "source remote_path timeout upload.on_progress cancel_event",
            call: "upload_pieces(self, source, remote_path, timeout, on_progress, cancel_event)",
            returns: "None",
            doc: "Uploads piece by piece, without ever holding the whole content.",
            errors: "`Cancelled` when the event was set, otherwise as `upload_file`.",
            ..Method::of("fs.open_upload")
        },
        Method {
            signature: "remote_path timeout",
            call: "{A}FileWriter(lambda: self._open_upload(remote_path, timeout))",
            returns: "{A}FileWriter",
            plain: true,
            ..Method::of("fs.open_upload")
        },
        Method {
            signature: "remote_path local_path timeout",
            overloads: &[
                ("remote_path: str, timeout: float = 1800.0, /", "bytes"),
                ("remote_path: str, *, timeout: float = 1800.0", "bytes"),
                ("remote_path: str, local_path: LocalPath, timeout: float = 1800.0", "None"),
            ],
            call: "download_file(self, remote_path, local_path, timeout)",
            returns: "bytes | None",
            doc: "Downloads a file: into memory, or to a local path, which appears only when it is complete.",
            ..Method::of("fs.download_file")
        },
        Method { signature: "files timeout", ..Method::of("fs.download_files") },
        Method {
            name: "download_file_stream",
            signature: "remote_path timeout download.on_progress cancel_event",
            call: "{A}DownloadStream(lambda: self._open_download(remote_path, timeout), remote_path, on_progress, cancel_event)",
            returns: "{A}DownloadStream",
            plain: true,
            doc: "Downloads piece by piece: iterate over the result. The asynchronous client's may be awaited before.",
            errors: "`Cancelled` when the event was set, otherwise as `download_file`.",
            ..Method::of("fs.open_download")
        },
        Method {
            signature: "remote_path timeout",
            call: "{A}FileReader(lambda: self._open_download(remote_path, timeout))",
            returns: "{A}FileReader",
            plain: true,
            ..Method::of("fs.open_download")
        },
        Method {
            signature: "local_path remote_path * exclude on_progress timeout cancel_event",
            arguments: &[("local_path", "fspath(local_path)")],
            then: &["return {await}transferred({}, on_progress, cancel_event)"],
            returns: "DirectoryResult",
            ..Method::of("fs.upload_dir")
        },
        Method {
            signature: "remote_path local_path * exclude on_progress timeout cancel_event",
            arguments: &[("local_path", "fspath(local_path)")],
            then: &["return {await}transferred({}, on_progress, cancel_event)"],
            returns: "DirectoryResult",
            ..Method::of("fs.download_dir")
        },
    ],
};

pub const GIT: Class = Class {
    name: "Git",
    module: "git",
    doc: "",
    service: "git",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[
        // Nothing is set upstream by a pull.
        Method { signature: "path username password branch remote timeout", ..Method::of("git.pull") },
    ],
};

pub const LSP_SERVER: Class = Class {
    name: "LspServer",
    module: "lsp_server",
    doc: "A language server: completions, symbols, definitions and more, for a language and a project.\n\nEach such pair has a server of its own, which runs from `start` until `stop` or the end of the sandbox.",
    service: "lsp",
    base: "{A}Service",
    head: &[
        "__slots__ = (\"_server\",)",
        "",
        "def __init__(self, client: Client, target: str, server: LspServerInfo) -> None:",
        "    super().__init__(client, target)",
        "    self._server = server",
        "",
        "@property",
        "def language_id(self) -> LspLanguageId:",
        "    \"\"\"Language of the server.\"\"\"",
        "    return self._server.language_id",
        "",
        "@property",
        "def path_to_project(self) -> str:",
        "    \"\"\"Directory of the project.\"\"\"",
        "    return self._server.path_to_project",
    ],
    on: "",
    receiver: &[("server", "self._server")],
    methods: &[],
};

pub const NETWORK: Class = Class {
    name: "Network",
    module: "network",
    doc: "",
    service: "network",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};
