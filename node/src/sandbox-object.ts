import type { Connection } from './connection.js';
import { asyncDispose } from './disposal.js';
import { DaytonaNotFoundError } from './errors.js';
import { CodeInterpreter } from './generated/code-interpreter.js';
import { ComputerUse } from './generated/computer-use.js';
import { type LspLanguageId, SandboxState } from './generated/enums.js';
import { FileSystem } from './generated/file-system.js';
import { Git } from './generated/git.js';
import { LspServer } from './generated/lsp-server.js';
import type { ForkOptions, PollEventsOptions, SandboxEvent, SandboxEvents, SandboxInfo } from './generated/models.js';
import { Network } from './generated/network.js';
import { Process } from './generated/process.js';
import { SECRETS } from './generated/secrets.js';
import { hidden, type Inspect, inspection, shown } from './inspection.js';
import { cleansUp } from './interrupt.js';
import { type CallOptions, Service } from './service.js';
import { type Seconds, withTimeout } from './timeout.js';

/** The label that holds the language of `codeRun`. */
const LANGUAGE_LABEL = 'code-toolbox-language';

/** How a copy of a sandbox is made. */
export type ForkParams = Pick<ForkOptions, 'name'>;

/** The properties of a sandbox: those of its last description. */
export interface SandboxObject extends SandboxInfo {}

/** A sandbox as an object: its description, its services and its end. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every property of the interface
export abstract class SandboxObject extends Service implements AsyncDisposable {
  /** Files and directories. */
  readonly fs: FileSystem;
  /** Git repositories. */
  readonly git: Git;
  /** Commands, code, processes, sessions and terminals. */
  readonly process: Process;
  /** Python whose variables last from run to run. */
  readonly codeInterpreter: CodeInterpreter;
  /** What it does on the network. */
  readonly network: Network;
  /** Its desktop. */
  readonly computerUse: ComputerUse;
  readonly #connection: Connection;
  #info: SandboxInfo;

  /** @internal */
  constructor(connection: Connection, info: SandboxInfo) {
    super(connection);
    this.#connection = connection;
    this.#info = info;
    Object.assign(this, info);
    this.fs = new FileSystem(connection, this);
    this.git = new Git(connection, this);
    this.process = new Process(connection, this);
    this.codeInterpreter = new CodeInterpreter(connection, this);
    this.network = new Network(connection, this);
    this.computerUse = new ComputerUse(connection, this);
    // Consoles print a sandbox's data, not its services.
    for (const service of ['fs', 'git', 'process', 'codeInterpreter', 'network', 'computerUse'] as const) {
      Object.defineProperty(this, service, { enumerable: false });
    }
  }

  /** Language of {@link Process.codeRun}. */
  get language(): string {
    return this.labels?.[LANGUAGE_LABEL] ?? 'python';
  }

  /** The sandbox's data as a plain object. */
  toJSON(): SandboxInfo {
    return hidden(this.#info, SECRETS['sandbox.get'] ?? []);
  }

  /**
   * Iterates over the changes of this sandbox's state from now on, without end; none is lost.
   *
   * @param states - The states to tell of, for example `stopped`; all when there are none.
   */
  async *on(...states: (SandboxState | string)[]): AsyncGenerator<SandboxEvent, never, undefined> {
    const wanted = { sandboxId: this.id, timeout: 0, states: states as SandboxState[] };
    let position: string = await this.invoke('sandbox.begin_events', {}, {});
    while (true) {
      const options: PollEventsOptions & CallOptions = { ...wanted, position };
      const found: SandboxEvents = await this.invoke('sandbox.poll_events', {}, options);
      yield* found.events;
      position = found.position;
    }
  }

  /**
   * Makes a language server for a project. No request is made yet: its `start` starts it.
   *
   * @param languageId - Language of the server: `python`, `typescript` or `javascript`.
   * @param pathToProject - Directory of the project; a relative path begins at the sandbox's working directory.
   */
  async createLspServer(languageId: LspLanguageId | string, pathToProject: string): Promise<LspServer> {
    return new LspServer(this.#connection, this, { languageId, pathToProject });
  }

  /**
   * Fetches the sandbox's data again.
   *
   * @param options - A signal that aborts the call, and a limit for its requests.
   * @throws `DaytonaNotFoundError` when it is gone.
   */
  async refreshData(options?: CallOptions): Promise<void> {
    await this.update('sandbox.get', { idOrName: this.id }, options);
  }

  /** The same as {@link Sandbox.refreshData}. */
  refresh(options?: CallOptions): Promise<void> {
    return this.refreshData(options);
  }

  /**
   * Makes a new sandbox with the files and settings of this one, and waits until it has started. The local engine copies files
   * only. A call that is aborted or times out deletes what it has made, unless `keep` is set.
   *
   * @param params - The copy's name. Default: its id.
   * @param timeout - Seconds to wait; 0 = no limit. Default: 60. Or all options.
   * @throws `DaytonaUnprocessableEntityError` when the server cannot copy this kind of sandbox, `DaytonaConflictError` when the
   * name is taken, `DaytonaValidationError` in the wrong state, `DaytonaTimeoutError` when the copy does not start in time.
   */
  async fork(params?: ForkParams, timeout?: Seconds<ForkOptions>): Promise<this> {
    const options = { ...withTimeout(timeout), ...params };
    const args = { idOrName: this.id };
    const work = (signal: AbortSignal) => this.invoke<SandboxInfo>('sandbox.fork', args, { ...options, signal });
    const undo = ({ id }: SandboxInfo) => this.invoke('sandbox.delete', { idOrName: id }).catch(() => {});
    const Copy = this.constructor as new (connection: Connection, info: SandboxInfo) => this;
    return new Copy(this.#connection, await cleansUp(work, undo, options.signal));
  }

  /** The same as {@link Sandbox.fork}. */
  _experimental_fork(params?: ForkParams, timeout?: Seconds<ForkOptions>): Promise<this> {
    return this.fork(params, timeout);
  }

  /** Deletes the sandbox at the end of the block of `await using`, unless it is gone. */
  async [asyncDispose](): Promise<void> {
    if (this.state === SandboxState.DESTROYED || this.state === SandboxState.DESTROYING) {
      return;
    }
    try {
      await this.update('sandbox.delete', { idOrName: this.id }, {});
    } catch (error) {
      if (!(error instanceof DaytonaNotFoundError)) {
        throw error;
      }
    }
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    return shown('Sandbox', { id: this.id, name: this.name, state: this.state, target: this.target }, options, inspect);
  }

  /**
   * Runs an operation whose result is the sandbox's data.
   *
   * @internal
   */
  protected async update(op: string, args: object, options: CallOptions | undefined): Promise<void> {
    this.#replace(await this.invoke(op, args, options));
  }

  /** @internal */
  protected set<Name extends keyof SandboxInfo>(name: Name, value: SandboxInfo[Name]): void {
    this.#replace({ ...this.#info, [name]: value });
  }

  #replace(info: SandboxInfo): void {
    for (const name of Object.keys(this.#info)) {
      if (!(name in info)) {
        delete this[name as keyof this];
      }
    }
    this.#info = info;
    Object.assign(this, info);
  }
}
