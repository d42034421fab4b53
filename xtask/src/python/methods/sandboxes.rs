//! The client, sandboxes, and what sandboxes are made of.

use super::{Class, Method};

const TAKE: &[&str] = &["self._take({})"];
const FOUND: &[&str] = &["return {A}Sandbox({}, self._client)"];

pub const DAYTONA: Class = Class {
    name: "DaytonaMethods",
    module: "client",
    doc: "What a client does.",
    service: "sandbox",
    base: "",
    head: &["__slots__ = (\"_client\", \"_ops\")", "", "_client: Client", "_ops: {A}SandboxesOps"],
    on: "self._ops.",
    receiver: &[],
    methods: &[
        Method {
            signature: "params * client.timeout wait_for_start keep on_snapshot_create_logs **fields",
            prepare: &[
                "given = create_params(params, fields)",
                "if on_snapshot_create_logs is not None:",
                "    build = {await}self._ops.create_with_logs(given, timeout or 0, wait_for_start, keep)",
                "    info = SandboxInfo.from_wire({await}built(build, on_snapshot_create_logs))",
                "    return {A}Sandbox(info, self._client)",
            ],
            arguments: &[("params", "given")],
            then: FOUND,
            returns: "{A}Sandbox",
            ..Method::of("sandbox.create")
        },
        Method {
            signature: "sandbox_id_or_name",
            arguments: &[("id_or_name", "sandbox_id_or_name")],
            then: FOUND,
            returns: "{A}Sandbox",
            ..Method::of("sandbox.get")
        },
        Method {
            signature: "sandbox_id_or_name labels * id_or_name",
            arguments: &[("id_or_name", "id_or_name if sandbox_id_or_name is None else sandbox_id_or_name")],
            then: FOUND,
            returns: "{A}Sandbox",
            ..Method::of("sandbox.find_one")
        },
        Method {
            name: "list",
            signature: "labels page limit * query",
            overloads: &[
                ("query: ListSandboxesQuery, /", "{A}PaginatedSandboxes"),
                ("*, query: ListSandboxesQuery | None", "{A}PaginatedSandboxes"),
                (
                    "labels: dict[str, str] | None = None, page: int | None = None, limit: int | None = None",
                    "{A}PaginatedSandboxes",
                ),
            ],
            call: "{A}PaginatedSandboxes(self._client, *listing(labels, page, limit, query))",
            returns: "{A}PaginatedSandboxes",
            plain: true,
            doc: "Lists sandboxes: iterate over the result for all of them, or look at one page. The asynchronous client's is awaited for one page.",
            ..Method::of("sandbox.list_page")
        },
        Method {
            signature: "sandbox timeout",
            call: "sandbox.start(timeout)",
            returns: "None",
            ..Method::of("sandbox.start")
        },
        Method {
            signature: "sandbox timeout force",
            call: "sandbox.stop(timeout, force)",
            returns: "None",
            ..Method::of("sandbox.stop")
        },
        Method {
            signature: "sandbox timeout wait",
            call: "sandbox.delete(timeout, wait)",
            returns: "None",
            ..Method::of("sandbox.delete")
        },
        Method::of("sandbox.rate_limits"),
        Method::of("sandbox.verify_webhook"),
        Method::of("sandbox.begin_events"),
        Method::of("sandbox.poll_events"),
    ],
};

pub const SANDBOX: Class = Class {
    name: "SandboxMethods",
    module: "sandbox",
    doc: "What can be done with a sandbox as a whole.",
    service: "sandbox",
    base: "SandboxInfo",
    head: &[
        "__slots__ = (\"_sandboxes\", \"fs\", \"process\")",
        "",
        "_sandboxes: {A}SandboxesOps",
        "fs: {A}FileSystem",
        "process: {A}Process",
        "",
        "def _take(self, info: SandboxInfo) -> None:",
        "    for name in SandboxInfo.__slots__:",
        "        setattr(self, name, getattr(info, name))",
        "",
        "def _another(self, info: SandboxInfo) -> Self:",
        "    raise NotImplementedError",
    ],
    on: "self._sandboxes.",
    receiver: &[("id_or_name", "self.id")],
    methods: &[
        Method {
            name: "refresh_data",
            aliases: &["refresh"],
            signature: " ",
            then: TAKE,
            returns: "None",
            doc: "Reads the description anew.",
            errors: "`NotFound` when the sandbox is gone.",
            ..Method::of("sandbox.get")
        },
        Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.start") },
        Method { signature: "timeout force", then: TAKE, returns: "None", ..Method::of("sandbox.stop") },
        Method { signature: "timeout wait", then: TAKE, returns: "None", ..Method::of("sandbox.delete") },
        Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.recover") },
        Method { signature: " ", then: TAKE, returns: "None", ..Method::of("sandbox.archive") },
        Method { signature: "resources timeout", then: TAKE, returns: "None", ..Method::of("sandbox.resize") },
        Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.wait_for_resize_complete") },
        Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.pause") },
        Method {
            signature: "name timeout * keep",
            then: &["return self._another({})"],
            returns: "Self",
            ..Method::of("sandbox.fork")
        },
        Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.wait_for_start") },
        Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.wait_for_stop") },
        Method {
            signature: "labels",
            then: &["self.labels = {}", "return self.labels"],
            ..Method::of("sandbox.set_labels")
        },
        Method {
            signature: "interval",
            then: &["{}", "self.auto_stop_interval = interval"],
            ..Method::of("sandbox.set_auto_stop_interval")
        },
        Method {
            signature: "interval",
            then: &["{}", "self.auto_archive_interval = interval"],
            ..Method::of("sandbox.set_auto_archive_interval")
        },
        Method {
            signature: "interval",
            then: &["{}", "self.auto_delete_interval = interval"],
            ..Method::of("sandbox.set_auto_delete_interval")
        },
        Method {
            signature: "interval",
            then: &["{}", "self.auto_pause_interval = interval"],
            ..Method::of("sandbox.set_auto_pause_interval")
        },
        Method { signature: "ttl_minutes", then: TAKE, returns: "None", ..Method::of("sandbox.set_ttl") },
        Method { signature: "is_public", then: TAKE, returns: "None", ..Method::of("sandbox.set_public") },
        Method { signature: "name timeout", then: TAKE, returns: "None", ..Method::of("sandbox.create_snapshot") },
        Method { signature: " ", ..Method::of("sandbox.refresh_activity") },
        Method { signature: "start end", ..Method::of("sandbox.get_metrics") },
        Method {
            signature: "* network_block_all network_allow_list domain_allow_list",
            prepare: &["settings = NetworkSettings(network_block_all, network_allow_list, domain_allow_list)"],
            arguments: &[("settings", "settings")],
            then: TAKE,
            returns: "None",
            ..Method::of("sandbox.update_network_settings")
        },
        Method { signature: "secrets", then: TAKE, returns: "None", ..Method::of("sandbox.update_secrets") },
        Method { signature: "port", ..Method::of("sandbox.get_preview_link") },
        Method { signature: "port expires_in_seconds", ..Method::of("sandbox.create_signed_preview_url") },
        Method { signature: "port token", ..Method::of("sandbox.expire_signed_preview_url") },
        Method { signature: "expires_in_minutes", ..Method::of("sandbox.create_ssh_access") },
        Method { signature: "token", ..Method::of("sandbox.validate_ssh_access") },
        Method { signature: "token", ..Method::of("sandbox.revoke_ssh_access") },
        Method {
            signature: "port local_port",
            then: &["return {A}PortForward({})"],
            returns: "{A}PortForward",
            ..Method::of("sandbox.forward_port")
        },
        Method {
            signature: "set unset unset_value_prefix",
            call: "self.process.update_env(set, unset, unset_value_prefix)",
            ..Method::of("process.update_env")
        },
        Method {
            signature: " ",
            call: "self.process.get_metrics_latest()",
            ..Method::of("process.get_metrics_latest")
        },
        Method {
            signature: " ",
            aliases: &["get_user_root_dir"],
            call: "self.fs.get_user_home_dir()",
            ..Method::of("fs.get_user_home_dir")
        },
        Method {
            signature: " ",
            aliases: &["get_working_dir"],
            call: "self.fs.get_work_dir()",
            ..Method::of("fs.get_work_dir")
        },
    ],
};

pub const VOLUME: Class = Class {
    name: "VolumeService",
    module: "volume",
    doc: "",
    service: "volume",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[Method { signature: "name create", ..Method::of("volume.get") }],
};

pub const SECRET: Class = Class {
    name: "SecretService",
    module: "secret",
    doc: "",
    service: "secret",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

pub const SNAPSHOT: Class = Class {
    name: "SnapshotService",
    module: "snapshot",
    doc: "",
    service: "snapshot",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[
        Method {
            signature: "params * on_logs snapshot.timeout",
            call: "create_snapshot(self, params, on_logs, timeout)",
            returns: "Snapshot",
            ..Method::of("snapshot.create")
        },
        Method {
            name: "create_stream",
            signature: "params * snapshot.timeout",
            call: "{A}SnapshotBuild(lambda: self._create_with_logs(CreateSnapshotParams.given(\"params\", params), timeout))",
            returns: "{A}SnapshotBuild",
            plain: true,
            ..Method::of("snapshot.create_with_logs")
        },
        Method {
            signature: "name * request_timeout",
            arguments: &[("id_or_name", "name")],
            ..Method::of("snapshot.get")
        },
        Method {
            signature: "snapshot",
            arguments: &[("id_or_name", "snapshot_id(snapshot)")],
            ..Method::of("snapshot.activate")
        },
        Method {
            signature: "snapshot",
            arguments: &[("id_or_name", "snapshot_id(snapshot)")],
            ..Method::of("snapshot.deactivate")
        },
        Method {
            signature: "snapshot",
            arguments: &[("id_or_name", "snapshot_id(snapshot)")],
            ..Method::of("snapshot.delete")
        },
    ],
};
