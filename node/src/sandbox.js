"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Sandbox = void 0;
const code_interpreter_js_1 = require("./code-interpreter.js");
const disposal_js_1 = require("./disposal.js");
const errors_js_1 = require("./errors.js");
const file_system_js_1 = require("./file-system.js");
const enums_js_1 = require("./generated/enums.js");
const git_js_1 = require("./git.js");
const process_js_1 = require("./process.js");
const timeout_js_1 = require("./timeout.js");
/** The label that holds the language of `codeRun`. */
const LANGUAGE_LABEL = 'code-toolbox-language';
/**
 * A sandbox: an isolated computer with files, processes and network of its own.
 *
 * @example
 * const sandbox = await daytona.create();
 * console.log((await sandbox.process.executeCommand('uname -a')).result);
 * await sandbox.delete();
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every property of the interface
class Sandbox {
    /** Files and directories. */
    fs;
    /** Git repositories. */
    git;
    /** Commands, code, processes, sessions and terminals. */
    process;
    /** Python whose variables last from run to run. */
    codeInterpreter;
    #sandboxes;
    #info;
    /** @internal */
    constructor(owner, info) {
        this.#sandboxes = owner.sandboxes;
        this.#info = info;
        Object.assign(this, info);
        this.fs = new file_system_js_1.FileSystem(owner.connection, this);
        this.git = new git_js_1.Git(owner.connection, this);
        this.process = new process_js_1.Process(owner.connection, this);
        this.codeInterpreter = new code_interpreter_js_1.CodeInterpreter(owner.connection, this);
        // Consoles print a sandbox's data, not its services.
        for (const service of ['fs', 'git', 'process', 'codeInterpreter']) {
            Object.defineProperty(this, service, { enumerable: false });
        }
    }
    /** Language of {@link Process.codeRun}. */
    get language() {
        return this.labels?.[LANGUAGE_LABEL] ?? 'python';
    }
    /** The sandbox's data as a plain object. */
    toJSON() {
        return this.#info;
    }
    /** Fetches the sandbox's data again. */
    async refreshData(options = {}) {
        this.#update(await this.#sandboxes.get(this.id, options));
    }
    /** The same as {@link Sandbox.refreshData}. */
    async refresh(options = {}) {
        await this.refreshData(options);
    }
    /**
     * Starts the sandbox and waits until it has started.
     *
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaValidationError` when its state does not allow it.
     */
    async start(timeout) {
        this.#update(await this.#sandboxes.start(this.id, (0, timeout_js_1.withTimeout)(timeout)));
    }
    /**
     * Stops the sandbox and waits until it has stopped. Its files are kept, its processes end.
     *
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @param force - Whether to kill the processes at once instead of asking them to end. Default: false.
     * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaValidationError` when its state does not allow it.
     */
    async stop(timeout, force) {
        const options = (0, timeout_js_1.withTimeout)(timeout);
        this.#update(await this.#sandboxes.stop(this.id, force === undefined ? options : { ...options, force }));
    }
    /**
     * Deletes the sandbox with everything in it.
     *
     * @param timeout - Seconds the call may take, 0 = no limit, or options. Default: 60.
     * @throws `DaytonaNotFoundError` when it is gone already.
     */
    async delete(timeout) {
        this.#update(await this.#sandboxes.delete(this.id, (0, timeout_js_1.withTimeout)(timeout)));
    }
    /**
     * Brings the sandbox back from a recoverable error and waits until it has started.
     *
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
     */
    async recover(timeout) {
        this.#update(await this.#sandboxes.recover(this.id, (0, timeout_js_1.withTimeout)(timeout)));
    }
    /**
     * Moves the stopped sandbox to object storage.
     *
     * @throws `DaytonaValidationError` when its state does not allow it.
     */
    async archive(options = {}) {
        this.#update(await this.#sandboxes.archive(this.id, options));
    }
    /**
     * Waits until the sandbox has started.
     *
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaError` when the sandbox fails.
     */
    async waitUntilStarted(timeout) {
        this.#update(await this.#sandboxes.waitForStart(this.id, (0, timeout_js_1.withTimeout)(timeout)));
    }
    /**
     * Waits until the sandbox has stopped.
     *
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaError` when the sandbox fails.
     */
    async waitUntilStopped(timeout) {
        this.#update(await this.#sandboxes.waitForStop(this.id, (0, timeout_js_1.withTimeout)(timeout)));
    }
    /** The same as {@link Sandbox.waitUntilStarted}. */
    async waitForStart(timeout) {
        await this.waitUntilStarted(timeout);
    }
    /** The same as {@link Sandbox.waitUntilStopped}. */
    async waitForStop(timeout) {
        await this.waitUntilStopped(timeout);
    }
    /** The same as {@link Sandbox.waitUntilStarted}. */
    async waitForSandboxStart(timeout) {
        await this.waitUntilStarted(timeout);
    }
    /** The same as {@link Sandbox.waitUntilStopped}. */
    async waitForSandboxStop(timeout) {
        await this.waitUntilStopped(timeout);
    }
    /** Home directory of the sandbox's user. */
    async getUserHomeDir(options = {}) {
        return await this.fs.getUserHomeDir(options);
    }
    /** Directory that relative paths start at. */
    async getWorkDir(options = {}) {
        return await this.fs.getWorkDir(options);
    }
    /** The same as {@link Sandbox.getWorkDir}. */
    async getWorkingDir(options = {}) {
        return await this.getWorkDir(options);
    }
    /**
     * Replaces the sandbox's labels.
     *
     * @returns The new labels.
     */
    async setLabels(labels, options = {}) {
        const set = await this.#sandboxes.setLabels(this.id, labels, options);
        this.#update({ ...this.#info, labels: set });
        return set;
    }
    /**
     * Sets after how many minutes without activity the sandbox stops.
     *
     * @param interval - Minutes; 0 = never.
     * @throws `DaytonaValidationError` for a negative interval.
     */
    async setAutostopInterval(interval, options = {}) {
        await this.#sandboxes.setAutoStopInterval(this.id, interval, options);
        this.#update({ ...this.#info, autoStopInterval: interval });
    }
    /** The same as {@link Sandbox.setAutostopInterval}. */
    async setAutoStopInterval(interval, options = {}) {
        await this.setAutostopInterval(interval, options);
    }
    /**
     * Sets after how many minutes stopped the sandbox is archived.
     *
     * @param interval - Minutes; 0 = the longest the server allows.
     * @throws `DaytonaValidationError` for a negative interval.
     */
    async setAutoArchiveInterval(interval, options = {}) {
        await this.#sandboxes.setAutoArchiveInterval(this.id, interval, options);
        this.#update({ ...this.#info, autoArchiveInterval: interval });
    }
    /**
     * Sets after how many minutes stopped the sandbox is deleted.
     *
     * @param interval - Minutes; 0 = at once, negative = never.
     */
    async setAutoDeleteInterval(interval, options = {}) {
        await this.#sandboxes.setAutoDeleteInterval(this.id, interval, options);
        this.#update({ ...this.#info, autoDeleteInterval: interval });
    }
    /** Tells the server that the sandbox is in use, which starts the auto-stop interval anew. */
    async refreshActivity(options = {}) {
        await this.#sandboxes.refreshActivity(this.id, options);
    }
    /**
     * Changes what the sandbox may reach over the network.
     *
     * @param settings - At least one rule.
     */
    async updateNetworkSettings(settings, options = {}) {
        this.#update(await this.#sandboxes.updateNetworkSettings(this.id, settings, options));
    }
    /**
     * Where a port of the sandbox can be reached, with the token it takes.
     *
     * @param port - The port.
     */
    async getPreviewLink(port, options = {}) {
        return await this.#sandboxes.getPreviewLink(this.id, port, options);
    }
    /**
     * Makes a URL of a port that needs no further authentication.
     *
     * @param port - The port.
     * @param expiresInSeconds - How long it is good for. Default: 60.
     */
    async getSignedPreviewUrl(port, expiresInSeconds, options = {}) {
        return await this.#sandboxes.createSignedPreviewUrl(this.id, port, expiresInSeconds, options);
    }
    /** The same as {@link Sandbox.getSignedPreviewUrl}. */
    async createSignedPreviewUrl(port, expiresInSeconds, options = {}) {
        return await this.getSignedPreviewUrl(port, expiresInSeconds, options);
    }
    /**
     * Ends a signed URL before its time.
     *
     * @param port - The port it is for.
     * @param token - Its token.
     */
    async expireSignedPreviewUrl(port, token, options = {}) {
        await this.#sandboxes.expireSignedPreviewUrl(this.id, port, token, options);
    }
    /** Deletes the sandbox at the end of the block of `await using`, unless it is gone. */
    async [disposal_js_1.asyncDispose]() {
        if (this.state === enums_js_1.SandboxState.DESTROYED || this.state === enums_js_1.SandboxState.DESTROYING) {
            return;
        }
        try {
            await this.delete();
        }
        catch (error) {
            if (!(error instanceof errors_js_1.DaytonaNotFoundError)) {
                throw error;
            }
        }
    }
    #update(info) {
        for (const name of Object.keys(this.#info)) {
            if (!(name in info)) {
                delete this[name];
            }
        }
        this.#info = info;
        Object.assign(this, info);
    }
}
exports.Sandbox = Sandbox;
