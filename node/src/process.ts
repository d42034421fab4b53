import { unusable } from './argument.js';
import type { Connection } from './connection.js';
import type {
  CodeRunOptions,
  ExecOptions,
  ExecuteResponse,
  ProcessInfo,
  PtyOptions,
  PtySessionInfo,
  SessionCommand,
  SessionCommandLogsResponse,
  SessionExecuteResponse,
  SpawnOptions,
  WaitForLogOptions,
  WaitOptions,
} from './generated/models.js';
import { ProcessService } from './generated/services.js';
import { type LogPattern, logPattern } from './log-pattern.js';
import type { TextHandler } from './log-stream.js';
import { type PtyDataHandler, PtyHandle } from './pty-handle.js';
import type { CallOptions, Target } from './service.js';
import { type SpawnControl, SpawnedProcess } from './spawned-process.js';
import { type Seconds, withTimeout } from './timeout.js';

/** Arguments and environment of {@link Process.codeRun}. */
export class CodeRunParams {
  /** Arguments of the program. */
  argv?: string[];
  /** Environment variables on top of the sandbox's. */
  env?: Record<string, string>;
  /** `python`, `typescript` or `javascript`. Default: the language the sandbox was created with. */
  language?: string;
}

/** A command for a session. */
export interface SessionExecuteRequest extends SessionCommand {
  /** The same as `runAsync`. */
  async?: boolean;
}

/** How to create a terminal. */
export interface PtyCreateOptions extends PtyOptions {
  /** Id of the new terminal session. Default: a random one. */
  id?: string;
}

/** How to connect to a terminal. */
export interface PtyConnectOptions {
  /** Takes the terminal's output. Without it, iterate over the handle. */
  onData?: PtyDataHandler;
}

/** A sandbox as the process service sees it. */
interface ProcessTarget extends Target {
  /** Language of {@link Process.codeRun}. */
  readonly language: string;
}

/** Commands, code, sessions and terminals of a sandbox. */
export class Process extends ProcessService {
  readonly #target: ProcessTarget;

  /** @internal */
  constructor(connection: Connection, target: ProcessTarget) {
    super(connection, target);
    this.#target = target;
  }

  /**
   * Runs a command in a shell and returns its exit code and output.
   *
   * @param command - The command.
   * @param cwd - Working directory. Default: the sandbox's.
   * @param env - Environment variables on top of the sandbox's.
   * @param timeout - Seconds after which the command is killed, 0 = no limit, or options. Default: no limit.
   * @throws `DaytonaTimeoutError` (`DaytonaProcessExecutionTimeoutError`) when the command was killed.
   * @example
   * const { exitCode, result } = await sandbox.process.executeCommand('ls -l', '/tmp');
   */
  async executeCommand(
    command: string,
    cwd?: string,
    env?: Record<string, string>,
    timeout?: Seconds<ExecOptions>,
  ): Promise<ExecuteResponse>;
  async executeCommand(command: string, options?: ExecOptions & CallOptions): Promise<ExecuteResponse>;
  async executeCommand(
    command: string,
    cwd?: string | (ExecOptions & CallOptions),
    env?: Record<string, string>,
    timeout?: Seconds<ExecOptions>,
  ): Promise<ExecuteResponse> {
    const options = cwd && typeof cwd === 'object' ? cwd : { cwd, env, ...withTimeout(timeout) };
    return await this._exec(command, options);
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
  async codeRun(code: string, params: CodeRunParams = {}, timeout?: Seconds<CodeRunOptions>): Promise<ExecuteResponse> {
    const { language = this.#target.language, ...options } = params;
    return await this._codeRun(code, language, { ...options, ...withTimeout(timeout) });
  }

  /**
   * Runs a command in a session.
   *
   * @param sessionId - Id of the session.
   * @param req - The command. With `runAsync` the call returns at once; follow the command with its logs.
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: no limit.
   * @throws `DaytonaNotFoundError` when there is no such session, `DaytonaTimeoutError` when it takes longer.
   */
  async executeSessionCommand(
    sessionId: string,
    req: SessionExecuteRequest,
    timeout?: Seconds<WaitOptions>,
  ): Promise<SessionExecuteResponse> {
    const { async, ...request } = req;
    request.runAsync ??= async;
    return await this._executeSessionCommand(sessionId, request, withTimeout(timeout));
  }

  /**
   * The log of a session's command: what there is now, or live.
   *
   * @param sessionId - Id of the session.
   * @param commandId - Id of the command.
   * @param onStdout - Takes standard output, live; the call then resolves when the command has ended.
   * @param onStderr - Takes standard error, live.
   * @throws `DaytonaNotFoundError` when there is no such command.
   */
  async getSessionCommandLogs(
    sessionId: string,
    commandId: string,
    options?: CallOptions,
  ): Promise<SessionCommandLogsResponse>;
  async getSessionCommandLogs(
    sessionId: string,
    commandId: string,
    onStdout: TextHandler,
    onStderr: TextHandler,
    options?: CallOptions,
  ): Promise<void>;
  async getSessionCommandLogs(
    sessionId: string,
    commandId: string,
    onStdout?: TextHandler | CallOptions,
    onStderr?: TextHandler,
    options?: CallOptions,
  ): Promise<unknown> {
    if (typeof onStdout !== 'function') {
      return await this._getSessionCommandLogs(sessionId, commandId, onStdout);
    }
    const log = await this.streamSessionCommandLogs(sessionId, commandId, options);
    await log.forward(onStdout, onStderr ?? (() => {}));
    return undefined;
  }

  /**
   * The log of the sandbox's entrypoint: what there is now, or live.
   *
   * @param onStdout - Takes standard output, live; the call then resolves when the entrypoint has ended.
   * @param onStderr - Takes standard error, live.
   */
  async getEntrypointLogs(options?: CallOptions): Promise<SessionCommandLogsResponse>;
  async getEntrypointLogs(onStdout: TextHandler, onStderr: TextHandler, options?: CallOptions): Promise<void>;
  async getEntrypointLogs(
    onStdout?: TextHandler | CallOptions,
    onStderr?: TextHandler,
    options?: CallOptions,
  ): Promise<unknown> {
    if (typeof onStdout !== 'function') {
      return await this._getEntrypointLogs(onStdout);
    }
    const log = await this.streamEntrypointLogs(options);
    await log.forward(onStdout, onStderr ?? (() => {}));
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
  async createPty(options: PtyCreateOptions & PtyConnectOptions & CallOptions = {}): Promise<PtyHandle> {
    const { id = randomId(), onData, ...others } = options;
    return new PtyHandle(await this._createPty(id, others), this, onData);
  }

  /**
   * Connects to a terminal session. Only output from now on is seen.
   *
   * @param sessionId - Id of the session.
   * @param options - What takes its output.
   * @throws `DaytonaNotFoundError` when there is none.
   */
  async connectPty(sessionId: string, options: PtyConnectOptions & CallOptions = {}): Promise<PtyHandle> {
    const { onData, ...others } = options;
    return new PtyHandle(await this._connectPty(sessionId, others), this, onData);
  }

  /**
   * Changes the size of a terminal.
   *
   * @param sessionId - Id of the session.
   * @param cols - Columns, 1 to 1000.
   * @param rows - Lines, 1 to 1000.
   * @throws `DaytonaValidationError` for a size outside 1 to 1000, `DaytonaNotFoundError` when there is no such session.
   */
  async resizePtySession(
    sessionId: string,
    cols: number,
    rows: number,
    options: CallOptions = {},
  ): Promise<PtySessionInfo> {
    return await this._resizePtySession(sessionId, rows, cols, options);
  }

  /** The same as `killPtySession`. */
  async deletePtySession(sessionId: string, options: CallOptions = {}): Promise<void> {
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
  async spawn(command: string, options: SpawnOptions & CallOptions = {}): Promise<SpawnedProcess> {
    return this.#spawned(await this._spawn(command, options));
  }

  /** The processes that were spawned, by whomever, and have not been released. */
  async listSpawned(options: CallOptions = {}): Promise<SpawnedProcess[]> {
    return (await this._listSpawned(options)).map((info) => this.#spawned(info));
  }

  /**
   * Finds a process again that was spawned here or elsewhere.
   *
   * @param process - Its id; or what `toJSON` of its handle returned, which needs no request.
   * @throws `DaytonaProcessNotFoundError` when there is none: it was never spawned, or has been released.
   */
  async attach(process: string | ProcessInfo, options: CallOptions = {}): Promise<SpawnedProcess> {
    if (typeof process === 'string') {
      return this.#spawned(await this._getSpawned(process, options));
    }
    if (typeof process?.id !== 'string' || typeof process.sessionId !== 'string') {
      throw unusable('process', process, 'it must be the id of a process, or what toJSON() of its handle returned');
    }
    return this.#spawned(process);
  }

  /** The same as {@link Process.attach}. */
  async getSpawned(processId: string, options: CallOptions = {}): Promise<SpawnedProcess> {
    return await this.attach(processId, options);
  }

  /**
   * Waits until something in the sandbox listens on a TCP port.
   *
   * @param port - The port.
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
   * @throws `DaytonaInvalidArgumentError` for a number that is no port, `DaytonaTimeoutError` when nothing listens in time.
   */
  async waitForPort(port: number, timeout?: Seconds<WaitOptions>): Promise<void> {
    await this._waitForPort(port, withTimeout(timeout));
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
  async waitForLog(
    sessionId: string,
    commandId: string,
    pattern: LogPattern,
    options?: Seconds<WaitForLogOptions>,
  ): Promise<string> {
    const { text, regex } = logPattern(pattern);
    return await this._waitForLog(sessionId, commandId, text, { ...regex, ...withTimeout(options) });
  }

  #spawned(info: ProcessInfo): SpawnedProcess {
    const control: SpawnControl = {
      get: (processId, options) => this._getSpawned(processId, options),
      streamOutput: (process, options) => this._streamOutput(process, options),
      writeStdin: (process, data, options) => this._writeStdin(process, data, options),
      closeStdin: (process, options) => this._closeStdin(process, options),
      wait: (process, options) => this._waitSpawned(process, options),
      signal: (process, signal, options) => this._signalSpawned(process, signal, options),
      waitForLog: ({ sessionId, commandId }, pattern, options) =>
        this.waitForLog(sessionId, commandId, pattern, options),
      release: (process, options) => this._releaseSpawned(process, options),
    };
    return new SpawnedProcess(info, control);
  }
}

function randomId(): string {
  const { randomUUID } = require('node:crypto') as typeof import('node:crypto');
  return randomUUID();
}
