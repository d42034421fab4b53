import type { Writable } from 'node:stream';
import type { Connection } from './connection.js';
import { asyncDispose } from './disposal.js';
import type { OutputOptions, ProcessInfo, WaitForLogOptions } from './generated/models.js';
import { type Inspect, inspection, shown } from './inspection.js';
import { type LogPattern, logMatch } from './log-pattern.js';
import { LogStream, type TextHandler } from './log-stream.js';
import { ProcessOutput } from './process-output.js';
import { type CallOptions, Service, type Target } from './service.js';
import { writableStream } from './streams.js';
import { type Seconds, withTimeout } from './timeout.js';

/** What takes the output of a process. A returned promise is waited for before the next piece. */
export interface OutputHandlers {
  /** Takes standard output. */
  onStdout?: TextHandler;
  /** Takes standard error. */
  onStderr?: TextHandler;
}

/** Names a signal: `SIGTERM`, `TERM` or 15. */
export type SignalName = NodeJS.Signals | (string & Record<never, never>) | number;

/** A process as an object: its output and input as streams. */
export abstract class ProcessHandle extends Service implements AsyncDisposable {
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

  #info: ProcessInfo;

  /** @internal */
  constructor(connection: Connection, target: Target, info: ProcessInfo) {
    super(connection, target);
    this.id = info.id;
    this.command = info.command;
    this.cwd = info.cwd;
    this.#info = info;
    this.stdout = new ProcessOutput((options) => this.#output({ ...options, channel: 'stdout' }));
    this.stderr = new ProcessOutput((options) => this.#output({ ...options, channel: 'stderr' }));
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
   * Hands the output to the handlers until the process ends.
   *
   * @param handlers - The handlers, a signal that aborts the call, and a limit for its requests.
   * @returns Its exit code.
   * @throws What a handler throws; the process goes on.
   */
  async forward(handlers: OutputHandlers & CallOptions = {}): Promise<number> {
    const { onStdout = ignore, onStderr = ignore, ...options } = handlers;
    const output = await this.#output(options);
    await output.forward(onStdout, onStderr);
    return await this.exit('process.wait_spawned', { process: this.#info }, options);
  }

  /** Its standard input as a Node.js stream: ending it closes the input. */
  writable(): Writable {
    const process = this.#info;
    return writableStream({
      write: (data) => this.invoke('process.write_stdin', { process, data }),
      finish: () => this.invoke('process.close_stdin', { process }),
    });
  }

  /**
   * Looks whether it has ended.
   *
   * @param options - A signal that aborts the call, and a limit for its requests.
   * @returns Its exit code; nothing while it runs.
   * @throws `DaytonaProcessNotFoundError` when it has been released.
   */
  async poll(options?: CallOptions): Promise<number | undefined> {
    this.#info = await this.invoke('process.get_spawned', { processId: this.id }, options);
    return this.exitCode;
  }

  /**
   * Kills it with everything it started. Nothing happens when it has ended.
   *
   * @param options - A signal that aborts the call, and a limit for its requests.
   */
  async kill(options?: CallOptions): Promise<void> {
    await this.invoke('process.signal_spawned', { process: this.#info, signal: 'SIGKILL' }, options);
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
    const { sessionId, commandId } = this.#info;
    const match = { sessionId, commandId, pattern };
    return await this.invoke('process.wait_for_log', ...logMatch(match, withTimeout(options)));
  }

  async [asyncDispose](): Promise<void> {
    await this.invoke('process.release_spawned', { process: this.#info });
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

  /** @internal */
  protected async exit(op: string, args: object, options?: CallOptions): Promise<number> {
    const exitCode = await this.invoke<number>(op, args, options);
    this.#info = { ...this.#info, exitCode };
    return exitCode;
  }

  #output(options: OutputOptions & CallOptions): Promise<LogStream> {
    return this.open('process.stream_output', { process: this.#info }, options, LogStream);
  }
}

function ignore(): void {}

/** The beginning of a command, which may be a whole program. */
function cut(command: string): string {
  return command.length > 80 ? `${command.slice(0, 80)}…` : command;
}
