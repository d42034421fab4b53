import { unusable } from './argument.js';
import type { Connection } from './connection.js';
import type {
  CodeRunOptions,
  ExecuteResponse,
  ProcessInfo,
  PtyOptions,
  SessionCommand,
  WaitForLogOptions,
} from './generated/models.js';
import { SpawnedProcess } from './generated/spawned-process.js';
import { type LogMatch, logMatch } from './log-pattern.js';
import { LogStream, type TextHandler } from './log-stream.js';
import { type PtyControl, type PtyDataHandler, PtyHandle } from './pty-handle.js';
import { type CallOptions, Service, type Target } from './service.js';
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

/** Commands, sessions and terminals whose methods take handlers or return objects. */
export abstract class ProcessHandles extends Service {
  readonly #connection: Connection;
  readonly #target: ProcessTarget;

  /** @internal */
  constructor(connection: Connection, target: ProcessTarget) {
    super(connection, target);
    this.#connection = connection;
    this.#target = target;
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
    return await this.invoke('process.code_run', { code, language }, { ...options, ...withTimeout(timeout) });
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
    const { id = randomId(), ...others } = options;
    return await this.terminal('process.create_pty', { sessionId: id }, others);
  }

  /**
   * Finds a process again that was spawned here or elsewhere.
   *
   * @param process - Its id; or what `toJSON` of its handle returned, which needs no request.
   * @param options - A signal that aborts the call, and a limit for its requests.
   * @throws `DaytonaProcessNotFoundError` when there is none: it was never spawned, or has been released.
   */
  async attach(process: string | ProcessInfo, options?: CallOptions): Promise<SpawnedProcess> {
    if (typeof process === 'string') {
      return await this.spawned('process.get_spawned', { processId: process }, options);
    }
    if (typeof process?.id !== 'string' || typeof process.sessionId !== 'string') {
      throw unusable('process', process, 'it must be the id of a process, or what toJSON() of its handle returned');
    }
    return this.#object(process);
  }

  /** @internal */
  protected async forward(
    op: string,
    args: object,
    onStdout: TextHandler,
    onStderr?: TextHandler,
    options?: CallOptions,
  ): Promise<void> {
    await (await this.open(op, args, options, LogStream)).forward(onStdout, onStderr ?? (() => {}));
  }

  /** @internal */
  protected async line(op: string, args: LogMatch, options: WaitForLogOptions & CallOptions): Promise<string> {
    return await this.invoke(op, ...logMatch(args, options));
  }

  /** @internal */
  protected async terminal(op: string, args: object, options?: PtyConnectOptions & CallOptions): Promise<PtyHandle> {
    const { onData, ...others } = options ?? {};
    return await this.open(op, args, others, PtyHandle, this.#pty(), onData);
  }

  /** @internal */
  protected async spawned(op: string, args: object, options?: CallOptions): Promise<SpawnedProcess> {
    return this.#object(await this.invoke(op, args, options));
  }

  /** @internal */
  protected async allSpawned(op: string, args: object, options?: CallOptions): Promise<SpawnedProcess[]> {
    return (await this.invoke<ProcessInfo[]>(op, args, options)).map((info) => this.#object(info));
  }

  #object(info: ProcessInfo): SpawnedProcess {
    return new SpawnedProcess(this.#connection, this.#target, info);
  }

  #pty(): PtyControl {
    return {
      resize: (sessionId, size) => this.invoke('process.resize_pty_session', { sessionId, ...size }),
      kill: (sessionId) => this.invoke('process.kill_pty_session', { sessionId }),
    };
  }
}

/** What the core takes for a command in a session. */
export function sessionCommand({ async, ...request }: SessionExecuteRequest): SessionCommand {
  return { ...request, runAsync: request.runAsync ?? async };
}

function randomId(): string {
  const { randomUUID } = require('node:crypto') as typeof import('node:crypto');
  return randomUUID();
}
