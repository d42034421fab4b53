"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Process = exports.CodeRunParams = void 0;
const argument_js_1 = require("./argument.js");
const services_js_1 = require("./generated/services.js");
const log_pattern_js_1 = require("./log-pattern.js");
const pty_handle_js_1 = require("./pty-handle.js");
const spawned_process_js_1 = require("./spawned-process.js");
const timeout_js_1 = require("./timeout.js");
/** Arguments and environment of {@link Process.codeRun}. */
class CodeRunParams {
    /** Arguments of the program. */
    argv;
    /** Environment variables on top of the sandbox's. */
    env;
    /** `python`, `typescript` or `javascript`. Default: the language the sandbox was created with. */
    language;
}
exports.CodeRunParams = CodeRunParams;
/** Commands, code, sessions and terminals of a sandbox. */
class Process extends services_js_1.ProcessService {
    #target;
    /** @internal */
    constructor(connection, target) {
        super(connection, target);
        this.#target = target;
    }
    async executeCommand(command, cwd, env, timeout) {
        const options = cwd && typeof cwd === 'object' ? cwd : { cwd, env, ...(0, timeout_js_1.withTimeout)(timeout) };
        const response = await this._exec(command, options);
        // Documented of every command, sent only for code.
        response.artifacts ??= { stdout: response.result };
        return response;
    }
    /**
     * Runs a program and returns its exit code, output and charts. Each run is a process of its own; variables that last are
     * the code interpreter's.
     *
     * @param code - The program.
     * @param params - Arguments, environment and language.
     * @param timeout - Seconds after which the program is killed, 0 = no limit, or options. Default: no limit.
     * @throws `DaytonaValidationError` for a language that is not supported, `DaytonaTimeoutError` when it was killed.
     */
    async codeRun(code, params = {}, timeout) {
        const { language = this.#target.language, ...options } = params;
        return await this._codeRun(code, language, { ...options, ...(0, timeout_js_1.withTimeout)(timeout) });
    }
    /**
     * Runs a command in a session.
     *
     * @param sessionId - Id of the session.
     * @param req - The command. With `runAsync` the call returns at once; follow the command with its logs.
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: no limit.
     * @throws `DaytonaNotFoundError` when there is no such session, `DaytonaTimeoutError` when it takes longer.
     */
    async executeSessionCommand(sessionId, req, timeout) {
        const { async, ...request } = req;
        request.runAsync ??= async;
        return await this._executeSessionCommand(sessionId, request, (0, timeout_js_1.withTimeout)(timeout));
    }
    async getSessionCommandLogs(sessionId, commandId, onStdout, onStderr, options) {
        if (typeof onStdout !== 'function') {
            return await this._getSessionCommandLogs(sessionId, commandId, onStdout);
        }
        const log = await this.streamSessionCommandLogs(sessionId, commandId, options);
        await log.forward(onStdout, onStderr ?? (() => { }));
        return undefined;
    }
    async getEntrypointLogs(onStdout, onStderr, options) {
        if (typeof onStdout !== 'function') {
            return await this._getEntrypointLogs(onStdout);
        }
        const log = await this.streamEntrypointLogs(options);
        await log.forward(onStdout, onStderr ?? (() => { }));
        return undefined;
    }
    /**
     * Creates a terminal session and connects to it.
     *
     * @param options - Its id, size, directory and environment, and what takes its output.
     * @throws `DaytonaConflictError` when the id is taken, `DaytonaValidationError` for a size outside 1 to 1000.
     * @example
     * const pty = await sandbox.process.createPty({ id: 'main', onData: (data) => process.stdout.write(data) });
     * await pty.sendInput('echo hello; exit\n');
     * const { exitCode } = await pty.wait();
     */
    async createPty(options = {}) {
        const { id = randomId(), onData, ...others } = options;
        return new pty_handle_js_1.PtyHandle(await this._createPty(id, others), this, onData);
    }
    /**
     * Connects to a terminal session. Only output from now on is seen.
     *
     * @param sessionId - Id of the session.
     * @param options - What takes its output.
     * @throws `DaytonaNotFoundError` when there is none.
     */
    async connectPty(sessionId, options = {}) {
        const { onData, ...others } = options;
        return new pty_handle_js_1.PtyHandle(await this._connectPty(sessionId, others), this, onData);
    }
    /**
     * Changes the size of a terminal.
     *
     * @param sessionId - Id of the session.
     * @param cols - Columns, 1 to 1000.
     * @param rows - Lines, 1 to 1000.
     * @throws `DaytonaValidationError` for a size outside 1 to 1000, `DaytonaNotFoundError` when there is no such session.
     */
    async resizePtySession(sessionId, cols, rows, options = {}) {
        return await this._resizePtySession(sessionId, rows, cols, options);
    }
    /** The same as `killPtySession`. */
    async deletePtySession(sessionId, options = {}) {
        await this.killPtySession(sessionId, options);
    }
    /**
     * Starts a command as a process of its own and returns at once. Release it when it is no longer needed, or let
     * `await using` do it.
     *
     * @param command - The command; a shell runs it.
     * @param options - Working directory, environment, and whether its standard input is open for writing.
     * @throws `DaytonaInvalidArgumentError` for an empty command or a bad variable name.
     * @example
     * const build = await sandbox.process.spawn('make -j2', { cwd: 'project' });
     * for await (const line of build.stdout.lines()) console.log(line);
     * const exitCode = await build.wait();
     */
    async spawn(command, options = {}) {
        return this.#spawned(await this._spawn(command, options));
    }
    /** The processes that were spawned, by whomever, and have not been released. */
    async listSpawned(options = {}) {
        return (await this._listSpawned(options)).map((info) => this.#spawned(info));
    }
    /**
     * Finds a process again that was spawned here or elsewhere.
     *
     * @param process - Its id; or what `toJSON` of its handle returned, which needs no request.
     * @throws `DaytonaProcessNotFoundError` when there is none: it was never spawned, or has been released.
     */
    async attach(process, options = {}) {
        if (typeof process === 'string') {
            return this.#spawned(await this._getSpawned(process, options));
        }
        if (typeof process?.id !== 'string' || typeof process.sessionId !== 'string') {
            throw (0, argument_js_1.unusable)('process', process, 'it must be the id of a process, or what toJSON() of its handle returned');
        }
        return this.#spawned(process);
    }
    /** The same as {@link Process.attach}. */
    async getSpawned(processId, options = {}) {
        return await this.attach(processId, options);
    }
    /**
     * Waits until something in the sandbox listens on a TCP port.
     *
     * @param port - The port.
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @throws `DaytonaInvalidArgumentError` for a number that is no port, `DaytonaTimeoutError` when nothing listens in time.
     */
    async waitForPort(port, timeout) {
        await this._waitForPort(port, (0, timeout_js_1.withTimeout)(timeout));
    }
    /**
     * Waits until a line in the log of a session's command has the pattern, looking from the beginning.
     *
     * @param sessionId - Id of the session.
     * @param commandId - Id of the command.
     * @param pattern - A text, or a regular expression without look-around and back-references.
     * @param options - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @returns The line, as far as it was written.
     * @throws `DaytonaNotFoundError` when there is no such command, `DaytonaCommandAlreadyCompletedError` when it ends without such
     * a line, `DaytonaTimeoutError`.
     */
    async waitForLog(sessionId, commandId, pattern, options) {
        const { text, regex } = (0, log_pattern_js_1.logPattern)(pattern);
        return await this._waitForLog(sessionId, commandId, text, { ...regex, ...(0, timeout_js_1.withTimeout)(options) });
    }
    #spawned(info) {
        const control = {
            get: (processId, options) => this._getSpawned(processId, options),
            streamOutput: (process, options) => this._streamOutput(process, options),
            writeStdin: (process, data, options) => this._writeStdin(process, data, options),
            closeStdin: (process, options) => this._closeStdin(process, options),
            wait: (process, options) => this._waitSpawned(process, options),
            signal: (process, signal, options) => this._signalSpawned(process, signal, options),
            waitForLog: ({ sessionId, commandId }, pattern, options) => this.waitForLog(sessionId, commandId, pattern, options),
            release: (process, options) => this._releaseSpawned(process, options),
        };
        return new spawned_process_js_1.SpawnedProcess(info, control);
    }
}
exports.Process = Process;
function randomId() {
    const { randomUUID } = require('node:crypto');
    return randomUUID();
}
