"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Daytona = void 0;
const connection_js_1 = require("./connection.js");
const disposal_js_1 = require("./disposal.js");
const services_js_1 = require("./generated/services.js");
const native_files_js_1 = require("./native-files.js");
const sandbox_js_1 = require("./sandbox.js");
const sandbox_list_js_1 = require("./sandbox-list.js");
/** What tells a query from labels. */
const QUERY_FIELDS = {
    cursor: true,
    limit: true,
    id: true,
    name: true,
    labels: true,
    includeErroredDeleted: true,
    states: true,
    snapshots: true,
    targets: true,
    sandboxClasses: true,
    minCpu: true,
    maxCpu: true,
    minMemoryGib: true,
    maxMemoryGib: true,
    minDiskGib: true,
    maxDiskGib: true,
    isPublic: true,
    isRecoverable: true,
    createdAtAfter: true,
    createdAtBefore: true,
    lastActivityAfter: true,
    lastActivityBefore: true,
    autoDestroyAtAfter: true,
    autoDestroyAtBefore: true,
    sort: true,
    order: true,
};
/**
 * A client of Daytona. It shares connections between all its calls, so one is enough for a program.
 *
 * @example
 * const daytona = new Daytona();
 * const sandbox = await daytona.create({ language: 'python' });
 * const { result } = await sandbox.process.codeRun('print(1 + 1)');
 * await sandbox.delete();
 */
class Daytona {
    #owner;
    /**
     * Makes a client. No request is made.
     *
     * @param config - How to reach Daytona. Default: all from the environment.
     * @throws `DaytonaAuthenticationError` without credentials, `DaytonaInvalidArgumentError` for a bad value.
     */
    constructor(config = {}) {
        const { serverUrl, ...others } = config;
        const connection = new connection_js_1.Connection({
            apiUrl: serverUrl,
            localBinary: process.env.DAYTONA_LOCAL_BINARY ? undefined : (0, native_files_js_1.nativeFile)('daytona'),
            ...others,
            source: 'sdk-typescript',
        });
        this.#owner = { connection, sandboxes: new services_js_1.SandboxService(connection) };
    }
    /**
     * A client of the local engine, which runs sandboxes on this machine: no account, no Docker. The engine is started when it
     * is not running and ends by itself when it is idle.
     */
    static local(config = {}) {
        return new Daytona({ ...config, apiUrl: 'local' });
    }
    /**
     * Creates a sandbox and waits until it has started.
     *
     * @param params - How to create it: from a snapshot or an image. Default: from the server's default snapshot.
     * @param options - How long to wait (`timeout` in seconds, 0 = no limit, default 60), and a signal.
     * @throws `DaytonaValidationError` for parameters the server refuses, `DaytonaConflictError` when the name is taken,
     * `DaytonaTimeoutError` when it does not start in time (it is not deleted), `DaytonaError` when it fails to start.
     */
    async create(params, options = {}) {
        return new sandbox_js_1.Sandbox(this.#owner, await this.#owner.sandboxes.create(params ?? {}, options));
    }
    /**
     * Returns the sandbox with this id or name.
     *
     * @throws `DaytonaNotFoundError` when there is none.
     */
    async get(sandboxIdOrName, options = {}) {
        return new sandbox_js_1.Sandbox(this.#owner, await this.#owner.sandboxes.get(sandboxIdOrName, options));
    }
    /**
     * Returns the sandbox with this id or name, or the first that has all these labels.
     *
     * @param filter - Id or name, or a filter.
     * @throws `DaytonaNotFoundError` when there is none, `DaytonaInvalidArgumentError` for an empty filter.
     */
    async findOne(filter, options = {}) {
        const wanted = typeof filter === 'string' ? { idOrName: filter } : filter;
        return new sandbox_js_1.Sandbox(this.#owner, await this.#owner.sandboxes.findOne({ ...wanted, ...options }));
    }
    list(queryOrLabels = {}, page, limit, options) {
        const numbered = typeof page === 'number' || limit !== undefined;
        const isQuery = !numbered && Object.keys(queryOrLabels).every((name) => name in QUERY_FIELDS);
        const query = isQuery ? queryOrLabels : { labels: queryOrLabels, limit };
        const others = typeof page === 'object' ? page : options;
        return new sandbox_list_js_1.SandboxList(this.#owner, query, typeof page === 'number' ? page : undefined, others ?? {});
    }
    /** Starts the sandbox: the same as {@link Sandbox.start}. */
    async start(sandbox, timeout) {
        await sandbox.start(timeout);
    }
    /** Stops the sandbox: the same as {@link Sandbox.stop}. */
    async stop(sandbox, timeout) {
        await sandbox.stop(timeout);
    }
    /** Deletes the sandbox: the same as {@link Sandbox.delete}. */
    async delete(sandbox, timeout) {
        await sandbox.delete(timeout);
    }
    /**
     * Base URL of the toolbox of a sandbox.
     *
     * @deprecated Use `toolboxProxyUrl` of the sandbox.
     */
    async getProxyToolboxUrl(sandboxId, _regionId) {
        return (await this.get(sandboxId)).toolboxProxyUrl;
    }
    /** Refuses further calls and lets go of the connections. Calls in flight go on; sandboxes are not touched. */
    close() {
        this.#owner.connection.close();
    }
    async [disposal_js_1.asyncDispose]() {
        this.close();
    }
}
exports.Daytona = Daytona;
