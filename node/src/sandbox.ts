import { CodeInterpreter } from './code-interpreter.js';
import type { Connection } from './connection.js';
import { asyncDispose } from './disposal.js';
import { DaytonaNotFoundError } from './errors.js';
import { FileSystem } from './file-system.js';
import { SandboxState } from './generated/enums.js';
import type {
  DeleteOptions,
  NetworkSettings,
  PortPreviewUrl,
  SandboxInfo,
  SignedPortPreviewUrl,
  StopOptions,
  WaitOptions,
} from './generated/models.js';
import type { SandboxService } from './generated/services.js';
import { Git } from './git.js';
import { type Inspect, inspection, shown } from './inspection.js';
import { Process } from './process.js';
import type { CallOptions } from './service.js';
import { type Seconds, withTimeout } from './timeout.js';

/** The label that holds the language of `codeRun`. */
const LANGUAGE_LABEL = 'code-toolbox-language';

/** What it takes to make a {@link Sandbox}. */
export interface SandboxOwner {
  readonly connection: Connection;
  readonly sandboxes: SandboxService;
}

/** A sandbox. Its properties are those of its last description; {@link Sandbox.refreshData} brings them up to date. */
export interface Sandbox extends SandboxInfo {}

/**
 * A sandbox: an isolated computer with files, processes and network of its own.
 *
 * @example
 * const sandbox = await daytona.create();
 * console.log((await sandbox.process.executeCommand('uname -a')).result);
 * await sandbox.delete();
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every property of the interface
export class Sandbox implements AsyncDisposable {
  /** Files and directories. */
  readonly fs: FileSystem;
  /** Git repositories. */
  readonly git: Git;
  /** Commands, code, processes, sessions and terminals. */
  readonly process: Process;
  /** Python whose variables last from run to run. */
  readonly codeInterpreter: CodeInterpreter;

  readonly #sandboxes: SandboxService;
  #info: SandboxInfo;

  /** @internal */
  constructor(owner: SandboxOwner, info: SandboxInfo) {
    this.#sandboxes = owner.sandboxes;
    this.#info = info;
    Object.assign(this, info);
    this.fs = new FileSystem(owner.connection, this);
    this.git = new Git(owner.connection, this);
    this.process = new Process(owner.connection, this);
    this.codeInterpreter = new CodeInterpreter(owner.connection, this);
    // Consoles print a sandbox's data, not its services.
    for (const service of ['fs', 'git', 'process', 'codeInterpreter'] as const) {
      Object.defineProperty(this, service, { enumerable: false });
    }
  }

  /** Language of {@link Process.codeRun}. */
  get language(): string {
    return this.labels?.[LANGUAGE_LABEL] ?? 'python';
  }

  /** The sandbox's data as a plain object. */
  toJSON(): SandboxInfo {
    return this.#info;
  }

  /** Fetches the sandbox's data again. */
  async refreshData(options: CallOptions = {}): Promise<void> {
    this.#update(await this.#sandboxes.get(this.id, options));
  }

  /** The same as {@link Sandbox.refreshData}. */
  async refresh(options: CallOptions = {}): Promise<void> {
    await this.refreshData(options);
  }

  /**
   * Starts the sandbox and waits until it has started.
   *
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
   * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaValidationError` when its state does not allow it.
   */
  async start(timeout?: Seconds<WaitOptions>): Promise<void> {
    this.#update(await this.#sandboxes.start(this.id, withTimeout(timeout)));
  }

  /**
   * Stops the sandbox and waits until it has stopped. Its files are kept, its processes end.
   *
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
   * @param force - Whether to kill the processes at once instead of asking them to end. Default: false.
   * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaValidationError` when its state does not allow it.
   */
  async stop(timeout?: Seconds<StopOptions>, force?: boolean): Promise<void> {
    const options: StopOptions & CallOptions = withTimeout(timeout);
    this.#update(await this.#sandboxes.stop(this.id, force === undefined ? options : { ...options, force }));
  }

  /**
   * Deletes the sandbox with everything in it.
   *
   * @param timeout - Seconds the call may take, 0 = no limit, or options. Default: 60.
   * @throws `DaytonaNotFoundError` when it is gone already.
   */
  async delete(timeout?: Seconds<DeleteOptions>): Promise<void> {
    this.#update(await this.#sandboxes.delete(this.id, withTimeout(timeout)));
  }

  /**
   * Brings the sandbox back from a recoverable error and waits until it has started.
   *
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
   */
  async recover(timeout?: Seconds<WaitOptions>): Promise<void> {
    this.#update(await this.#sandboxes.recover(this.id, withTimeout(timeout)));
  }

  /**
   * Moves the stopped sandbox to object storage.
   *
   * @throws `DaytonaValidationError` when its state does not allow it.
   */
  async archive(options: CallOptions = {}): Promise<void> {
    this.#update(await this.#sandboxes.archive(this.id, options));
  }

  /**
   * Waits until the sandbox has started.
   *
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
   * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaError` when the sandbox fails.
   */
  async waitUntilStarted(timeout?: Seconds<WaitOptions>): Promise<void> {
    this.#update(await this.#sandboxes.waitForStart(this.id, withTimeout(timeout)));
  }

  /**
   * Waits until the sandbox has stopped.
   *
   * @param timeout - Seconds to wait, 0 = no limit, or options. Default: 60.
   * @throws `DaytonaTimeoutError` when it takes too long, `DaytonaError` when the sandbox fails.
   */
  async waitUntilStopped(timeout?: Seconds<WaitOptions>): Promise<void> {
    this.#update(await this.#sandboxes.waitForStop(this.id, withTimeout(timeout)));
  }

  /** The same as {@link Sandbox.waitUntilStarted}. */
  async waitForStart(timeout?: Seconds<WaitOptions>): Promise<void> {
    await this.waitUntilStarted(timeout);
  }

  /** The same as {@link Sandbox.waitUntilStopped}. */
  async waitForStop(timeout?: Seconds<WaitOptions>): Promise<void> {
    await this.waitUntilStopped(timeout);
  }

  /** The same as {@link Sandbox.waitUntilStarted}. */
  async waitForSandboxStart(timeout?: Seconds<WaitOptions>): Promise<void> {
    await this.waitUntilStarted(timeout);
  }

  /** The same as {@link Sandbox.waitUntilStopped}. */
  async waitForSandboxStop(timeout?: Seconds<WaitOptions>): Promise<void> {
    await this.waitUntilStopped(timeout);
  }

  /** Home directory of the sandbox's user. */
  async getUserHomeDir(options: CallOptions = {}): Promise<string> {
    return await this.fs.getUserHomeDir(options);
  }

  /** Directory that relative paths start at. */
  async getWorkDir(options: CallOptions = {}): Promise<string> {
    return await this.fs.getWorkDir(options);
  }

  /** The same as {@link Sandbox.getWorkDir}. */
  async getWorkingDir(options: CallOptions = {}): Promise<string> {
    return await this.getWorkDir(options);
  }

  /**
   * Replaces the sandbox's labels.
   *
   * @returns The new labels.
   */
  async setLabels(labels: Record<string, string>, options: CallOptions = {}): Promise<Record<string, string>> {
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
  async setAutostopInterval(interval: number, options: CallOptions = {}): Promise<void> {
    await this.#sandboxes.setAutoStopInterval(this.id, interval, options);
    this.#update({ ...this.#info, autoStopInterval: interval });
  }

  /** The same as {@link Sandbox.setAutostopInterval}. */
  async setAutoStopInterval(interval: number, options: CallOptions = {}): Promise<void> {
    await this.setAutostopInterval(interval, options);
  }

  /**
   * Sets after how many minutes stopped the sandbox is archived.
   *
   * @param interval - Minutes; 0 = the longest the server allows.
   * @throws `DaytonaValidationError` for a negative interval.
   */
  async setAutoArchiveInterval(interval: number, options: CallOptions = {}): Promise<void> {
    await this.#sandboxes.setAutoArchiveInterval(this.id, interval, options);
    this.#update({ ...this.#info, autoArchiveInterval: interval });
  }

  /**
   * Sets after how many minutes stopped the sandbox is deleted.
   *
   * @param interval - Minutes; 0 = at once, negative = never.
   */
  async setAutoDeleteInterval(interval: number, options: CallOptions = {}): Promise<void> {
    await this.#sandboxes.setAutoDeleteInterval(this.id, interval, options);
    this.#update({ ...this.#info, autoDeleteInterval: interval });
  }

  /** Tells the server that the sandbox is in use, which starts the auto-stop interval anew. */
  async refreshActivity(options: CallOptions = {}): Promise<void> {
    await this.#sandboxes.refreshActivity(this.id, options);
  }

  /**
   * Changes what the sandbox may reach over the network.
   *
   * @param settings - At least one rule.
   */
  async updateNetworkSettings(settings: NetworkSettings, options: CallOptions = {}): Promise<void> {
    this.#update(await this.#sandboxes.updateNetworkSettings(this.id, settings, options));
  }

  /**
   * Where a port of the sandbox can be reached, with the token it takes.
   *
   * @param port - The port.
   */
  async getPreviewLink(port: number, options: CallOptions = {}): Promise<PortPreviewUrl> {
    return await this.#sandboxes.getPreviewLink(this.id, port, options);
  }

  /**
   * Makes a URL of a port that needs no further authentication.
   *
   * @param port - The port.
   * @param expiresInSeconds - How long it is good for. Default: 60.
   */
  async getSignedPreviewUrl(
    port: number,
    expiresInSeconds?: number,
    options: CallOptions = {},
  ): Promise<SignedPortPreviewUrl> {
    return await this.#sandboxes.createSignedPreviewUrl(this.id, port, expiresInSeconds, options);
  }

  /** The same as {@link Sandbox.getSignedPreviewUrl}. */
  async createSignedPreviewUrl(
    port: number,
    expiresInSeconds?: number,
    options: CallOptions = {},
  ): Promise<SignedPortPreviewUrl> {
    return await this.getSignedPreviewUrl(port, expiresInSeconds, options);
  }

  /**
   * Ends a signed URL before its time.
   *
   * @param port - The port it is for.
   * @param token - Its token.
   */
  async expireSignedPreviewUrl(port: number, token: string, options: CallOptions = {}): Promise<void> {
    await this.#sandboxes.expireSignedPreviewUrl(this.id, port, token, options);
  }

  /** Deletes the sandbox at the end of the block of `await using`, unless it is gone. */
  async [asyncDispose](): Promise<void> {
    if (this.state === SandboxState.DESTROYED || this.state === SandboxState.DESTROYING) {
      return;
    }
    try {
      await this.delete();
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

  #update(info: SandboxInfo): void {
    for (const name of Object.keys(this.#info)) {
      if (!(name in info)) {
        delete this[name as keyof this];
      }
    }
    this.#info = info;
    Object.assign(this, info);
  }
}
