"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.SpawnedProcess = void 0;
const argument_js_1 = require("./argument.js");
const disposal_js_1 = require("./disposal.js");
const process_output_js_1 = require("./process-output.js");
const timeout_js_1 = require("./timeout.js");
/**
 * A process in the sandbox.
 *
 * It runs until it ends, is signalled or released, whether anybody reads its output or not: the sandbox keeps the output, and
 * every reader gets all of it from the beginning. Losing the handle does not end the process; `attach` finds it again.
 *
 * @example
 * await using server = await sandbox.process.spawn('npm start', { cwd: 'app' });
 * await sandbox.process.waitForPort(3000);
 * // … and at the end of the block it is released.
 */
class SpawnedProcess {
    /** Id, to attach to the process from anywhere. */
    id;
    /** The command text. */
    command;
    /** Working directory it was given. Default: the sandbox's. */
    cwd;
    /** Standard output. */
    stdout;
    /** Standard error. */
    stderr;
    #control;
    #info;
    #lastInput = Promise.resolve();
    /** @internal */
    constructor(info, control) {
        this.id = info.id;
        this.command = info.command;
        this.cwd = info.cwd;
        this.#info = info;
        this.#control = control;
        this.stdout = new process_output_js_1.ProcessOutput((options) => this.output({ ...options, channel: 'stdout' }));
        this.stderr = new process_output_js_1.ProcessOutput((options) => this.output({ ...options, channel: 'stderr' }));
    }
    /** Exit code, as far as this handle knows: {@link SpawnedProcess.wait} and {@link SpawnedProcess.poll} find it out. */
    get exitCode() {
        return this.#info.exitCode;
    }
    /** What it takes to find the process again: `attach` takes it without asking the sandbox. */
    toJSON() {
        return this.#info;
    }
    /**
     * Both outputs together, in the order they were written, until the process ends.
     *
     * @param options - With `channel` only one of them; with `follow: false` only what was written so far.
     * @throws `DaytonaNotFoundError` when it has been released; while reading, `DaytonaConnectionError` when the connection
     * breaks for good.
     * @example
     * for await (const { channel, text } of await build.output()) process[channel].write(text);
     */
    async output(options = {}) {
        return await this.#control.streamOutput(this.#info, options);
    }
    /**
     * Hands the output to the handlers until the process ends.
     *
     * @returns Its exit code.
     * @throws What a handler throws; the process goes on.
     */
    async forward(handlers = {}) {
        const { onStdout = ignore, onStderr = ignore, ...options } = handlers;
        const output = await this.output(options);
        await output.forward(onStdout, onStderr);
        return await this.wait(options);
    }
    /**
     * Writes to its standard input. Writes arrive in the order they were made.
     *
     * @param data - Text or any bytes.
     * @throws `DaytonaInvalidArgumentError` when it was spawned without `stdin`, `DaytonaCommandAlreadyCompletedError` when it has
     * ended, `DaytonaNotFoundError` when it has been released.
     */
    async write(data, options = {}) {
        // Copied: it may have to wait its turn, and bytes may change meanwhile.
        const bytes = Buffer.from((0, argument_js_1.bytesOf)('input', data));
        await this.#inOrder(() => this.#control.writeStdin(this.#info, bytes, options));
    }
    /**
     * Closes its standard input: it reads what was written, then end of file.
     *
     * @throws `DaytonaInvalidArgumentError` when it was spawned without `stdin`.
     */
    async closeStdin(options = {}) {
        await this.#inOrder(() => this.#control.closeStdin(this.#info, options));
    }
    /** Its standard input as a Node.js stream: ending it closes the input. */
    writable() {
        const { Writable } = require('node:stream');
        return new Writable({
            write: (chunk, _encoding, done) => {
                this.write(chunk).then(() => done(), done);
            },
            final: (done) => {
                this.closeStdin().then(() => done(), done);
            },
        });
    }
    /**
     * Waits until it has ended.
     *
     * @param timeout - Seconds to wait, 0 = no limit, or options. Default: no limit.
     * @returns Its exit code: 128 + n when signal n ended it.
     * @throws `DaytonaTimeoutError` when it has not ended in time: it goes on, and its output can be read as before.
     */
    async wait(timeout) {
        const exitCode = await this.#control.wait(this.#info, (0, timeout_js_1.withTimeout)(timeout));
        this.#info = { ...this.#info, exitCode };
        return exitCode;
    }
    /**
     * Looks whether it has ended.
     *
     * @returns Its exit code; nothing while it runs.
     * @throws `DaytonaProcessNotFoundError` when it has been released.
     */
    async poll(options = {}) {
        this.#info = await this.#control.get(this.id, options);
        return this.exitCode;
    }
    /** Kills it with everything it started. Nothing happens when it has ended. */
    async kill(options = {}) {
        await this.sendSignal('SIGKILL', options);
    }
    /**
     * Sends a signal to it and everything it started. Nothing happens when it has ended.
     *
     * @param signal - `SIGTERM`, `TERM` or 15.
     * @throws `DaytonaInvalidArgumentError` for something that is no signal.
     */
    async sendSignal(signal, options = {}) {
        await this.#control.signal(this.#info, String(signal), options);
    }
    /**
     * Waits until a line of its output has the pattern, looking from the beginning.
     *
     * @param pattern - A text, or a regular expression without look-around and back-references.
     * @param options - Seconds to wait, 0 = no limit, or options. Default: 60.
     * @returns The line, as far as it was written.
     * @throws `DaytonaCommandAlreadyCompletedError` when the process ends without such a line, `DaytonaTimeoutError`.
     */
    async waitForLog(pattern, options) {
        return await this.#control.waitForLog(this.#info, pattern, (0, timeout_js_1.withTimeout)(options));
    }
    /** Ends it with everything it started, and forgets its output. One that has been released is fine. */
    async release(options = {}) {
        await this.#control.release(this.#info, options);
    }
    async [disposal_js_1.asyncDispose]() {
        await this.release();
    }
    /** Requests of their own might overtake each other. */
    #inOrder(work) {
        const done = this.#lastInput.then(work);
        this.#lastInput = done.catch(() => { });
        return done;
    }
}
exports.SpawnedProcess = SpawnedProcess;
function ignore() { }
