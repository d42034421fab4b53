import type { Writable } from 'node:stream';
import { bytesOf } from './argument.js';
import { asyncDispose } from './disposal.js';
import type { OutputOptions, ProcessInfo, WaitForLogOptions, WaitOptions } from './generated/models.js';
import { type Inspect, inspection, shown } from './inspection.js';
import type { LogPattern } from './log-pattern.js';
import type { LogStream, TextHandler } from './log-stream.js';
import { ProcessOutput } from './process-output.js';
import type { CallOptions } from './service.js';
import { type Seconds, withTimeout } from './timeout.js';

/** What a handle does through the service that made it. */
export interface SpawnControl {
  get(processId: string, options: CallOptions): Promise<ProcessInfo>;
  streamOutput(process: ProcessInfo, options: OutputOptions & CallOptions): Promise<LogStream>;
  writeStdin(process: ProcessInfo, data: Uint8Array, options: CallOptions): Promise<void>;
  closeStdin(process: ProcessInfo, options: CallOptions): Promise<void>;
  wait(process: ProcessInfo, options: WaitOptions & CallOptions): Promise<number>;
  signal(process: ProcessInfo, signal: string, options: CallOptions): Promise<void>;
  waitForLog(process: ProcessInfo, pattern: LogPattern, options: WaitForLogOptions & CallOptions): Promise<string>;
  release(process: ProcessInfo, options: CallOptions): Promise<void>;
}

/** What takes the output of a process. A returned promise is waited for before the next piece. */
export interface OutputHandlers {
  /** Takes standard output. */
  onStdout?: TextHandler;
  /** Takes standard error. */
  onStderr?: TextHandler;
}

/** Names a signal: `SIGTERM`, `TERM` or 15. */
export type SignalName = NodeJS.Signals | (string & Record<never, never>) | number;

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
export class SpawnedProcess implements AsyncDisposable {
  /** Id, to attach to the process from anywhere. */
  readonly id: string;
  /** The command text. */
  readonly command: string;
  /** Working directory it was given. Default: the sandbox's. */
  readonly cwd: string | undefined;
  /** Standard output. */
  readonly stdout: ProcessOutput;
  /** Standard error. */
  readonly stderr: ProcessOutput;

  readonly #control: SpawnControl;
  #info: ProcessInfo;
  #lastInput: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(info: ProcessInfo, control: SpawnControl) {
    this.id = info.id;
    this.command = info.command;
    this.cwd = info.cwd;
    this.#info = info;
    this.#control = control;
    this.stdout = new ProcessOutput((options) => this.output({ ...options, channel: 'stdout' }));
    this.stderr = new ProcessOutput((options) => this.output({ ...options, channel: 'stderr' }));
  }

  /** Exit code, as far as this handle knows: {@link SpawnedProcess.wait} and {@link SpawnedProcess.poll} find it out. */
  get exitCode(): number | undefined {
    return this.#info.exitCode;
  }

  /** What it takes to find the process again: `attach` takes it without asking the sandbox. */
  toJSON(): ProcessInfo {
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
  async output(options: OutputOptions & CallOptions = {}): Promise<LogStream> {
    return await this.#control.streamOutput(this.#info, options);
  }

  /**
   * Hands the output to the handlers until the process ends.
   *
   * @returns Its exit code.
   * @throws What a handler throws; the process goes on.
   */
  async forward(handlers: OutputHandlers & CallOptions = {}): Promise<number> {
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
  async write(data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    // Copied: it may have to wait its turn, and bytes may change meanwhile.
    const bytes = Buffer.from(bytesOf('input', data));
    await this.#inOrder(() => this.#control.writeStdin(this.#info, bytes, options));
  }

  /**
   * Closes its standard input: it reads what was written, then end of file.
   *
   * @throws `DaytonaInvalidArgumentError` when it was spawned without `stdin`.
   */
  async closeStdin(options: CallOptions = {}): Promise<void> {
    await this.#inOrder(() => this.#control.closeStdin(this.#info, options));
  }

  /** Its standard input as a Node.js stream: ending it closes the input. */
  writable(): Writable {
    const { Writable } = require('node:stream') as typeof import('node:stream');
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
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
  async wait(timeout?: Seconds<WaitOptions>): Promise<number> {
    const exitCode = await this.#control.wait(this.#info, withTimeout(timeout));
    this.#info = { ...this.#info, exitCode };
    return exitCode;
  }

  /**
   * Looks whether it has ended.
   *
   * @returns Its exit code; nothing while it runs.
   * @throws `DaytonaProcessNotFoundError` when it has been released.
   */
  async poll(options: CallOptions = {}): Promise<number | undefined> {
    this.#info = await this.#control.get(this.id, options);
    return this.exitCode;
  }

  /** Kills it with everything it started. Nothing happens when it has ended. */
  async kill(options: CallOptions = {}): Promise<void> {
    await this.sendSignal('SIGKILL', options);
  }

  /**
   * Sends a signal to it and everything it started. Nothing happens when it has ended.
   *
   * @param signal - `SIGTERM`, `TERM` or 15.
   * @throws `DaytonaInvalidArgumentError` for something that is no signal.
   */
  async sendSignal(signal: SignalName, options: CallOptions = {}): Promise<void> {
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
  async waitForLog(pattern: LogPattern, options?: Seconds<WaitForLogOptions>): Promise<string> {
    return await this.#control.waitForLog(this.#info, pattern, withTimeout(options));
  }

  /** Ends it with everything it started, and forgets its output. One that has been released is fine. */
  async release(options: CallOptions = {}): Promise<void> {
    await this.#control.release(this.#info, options);
  }

  async [asyncDispose](): Promise<void> {
    await this.release();
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    return shown(
      'SpawnedProcess',
      { id: this.id, command: cut(this.command), exitCode: this.exitCode },
      options,
      inspect,
    );
  }

  /** Requests of their own might overtake each other. */
  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#lastInput.then(work);
    this.#lastInput = done.catch(() => {});
    return done;
  }
}

function ignore(): void {}

/** The beginning of a command, which may be a whole program. */
function cut(command: string): string {
  return command.length > 80 ? `${command.slice(0, 80)}…` : command;
}
