import { BuildStream } from './build-stream.js';
import { Connection } from './connection.js';
import { asyncDispose } from './disposal.js';
import { DaytonaMethods } from './generated/daytona-methods.js';
import type { Image } from './generated/image.js';
import type {
  CreateOptions,
  CreateSandboxParams,
  DaytonaConfig,
  DeleteOptions,
  ForkOptions,
  ListSandboxesQuery,
  PollEventsOptions,
  SandboxEvent,
  SandboxInfo,
  StopOptions,
  WaitOptions,
} from './generated/models.js';
import { LIST_SANDBOXES_QUERY } from './generated/queries.js';
import { Sandbox } from './generated/sandbox.js';
import { SecretService } from './generated/secret-service.js';
import { SnapshotService } from './generated/snapshot-service.js';
import { VolumeService } from './generated/volume-service.js';
import { withImage } from './image-builder.js';
import { type Inspect, inspection, shown } from './inspection.js';
import { cleansUp } from './interrupt.js';
import { localProgram } from './native-files.js';
import { SandboxList } from './sandbox-list.js';
import type { ForkParams } from './sandbox-object.js';
import type { CallOptions } from './service.js';
import type { Seconds } from './timeout.js';

/** How to create a sandbox, whatever it is made from. */
export type CreateSandboxBaseParams = Omit<
  CreateSandboxParams,
  'snapshot' | 'image' | 'dockerfile' | 'contexts' | 'contextHashes' | 'buildSecrets' | 'resources'
>;

/** How to create a sandbox from a snapshot. */
export type CreateSandboxFromSnapshotParams = CreateSandboxBaseParams & Pick<CreateSandboxParams, 'snapshot'>;

/** How to create a sandbox from an image. */
export type CreateSandboxFromImageParams = CreateSandboxBaseParams &
  Pick<CreateSandboxParams, 'buildSecrets' | 'resources'> & {
    /** Image reference, for example `python:3.12-slim`, or what to build. */
    image: string | Image;
  };

/** Which sandbox to find: by id or name, or by labels. */
export interface SandboxFilter {
  /** Id or name. */
  idOrName?: string;
  /** Labels the sandbox must have, all of them. */
  labels?: Record<string, string>;
}

/**
 * A client of Daytona. It shares connections between all its calls, so one is enough for a program.
 *
 * @example
 * const daytona = new Daytona();
 * const sandbox = await daytona.create({ language: 'python' });
 * const { result } = await sandbox.process.codeRun('print(1 + 1)');
 * await sandbox.delete();
 */
export class Daytona extends DaytonaMethods implements AsyncDisposable {
  /** The snapshots. */
  readonly snapshot: SnapshotService;
  /** The volumes: directories that sandboxes share and that outlive them. */
  readonly volume: VolumeService;
  /** The secrets: values that sandboxes use without having them. */
  readonly secret: SecretService;
  readonly #connection: Connection;

  /**
   * Makes a client. No request is made.
   *
   * @param config - How to reach Daytona. Default: all from the environment.
   * @throws `DaytonaAuthenticationError` without credentials, `DaytonaInvalidArgumentError` for a bad value.
   */
  constructor(config: DaytonaConfig = {}) {
    const { serverUrl, ...others } = config;
    const connection = new Connection({
      apiUrl: serverUrl,
      localBinary: process.env.DAYTONA_LOCAL_BINARY ? undefined : localProgram(),
      ...others,
      source: 'sdk-typescript',
    });
    super(connection);
    this.#connection = connection;
    this.snapshot = new SnapshotService(connection);
    this.volume = new VolumeService(connection);
    this.secret = new SecretService(connection);
  }

  /**
   * A client of the local engine, which runs sandboxes on this machine: no account, no Docker. The engine is started when it
   * is not running and ends by itself when it is idle.
   */
  static local(config: Omit<DaytonaConfig, 'apiUrl' | 'serverUrl'> = {}): Daytona {
    return new Daytona({ ...config, apiUrl: 'local' });
  }

  /**
   * Creates a sandbox and waits until it has started. A call that is aborted or times out deletes what it has made, unless `keep`
   * is set; so do SIGINT and SIGTERM when the program does not listen to them itself.
   *
   * @param params - How to create it: from a snapshot or an image. Default: from the server's default snapshot.
   * @param options - How long to wait (`timeout` in seconds, 0 = no limit, default 60), and a signal. `onSnapshotCreateLogs`
   * takes each line of the log while an image is built for the sandbox; a returned promise is waited for.
   * @throws `DaytonaValidationError` for parameters the server refuses, `DaytonaConflictError` when the name is taken,
   * `DaytonaTimeoutError` when it does not start in time, `DaytonaError` when it fails to start. Once there is a sandbox, the error has
   * its `sandboxId`.
   */
  async create(
    params?: CreateSandboxFromSnapshotParams | CreateSandboxFromImageParams,
    options: CreateOptions & CallOptions & { onSnapshotCreateLogs?: (chunk: string) => unknown } = {},
  ): Promise<Sandbox> {
    const { onSnapshotCreateLogs, ...others } = options ?? {};
    const args = { params: withImage(params ?? {}) };
    const create = async (signal: AbortSignal) => {
      const all = { ...others, signal };
      if (!onSnapshotCreateLogs) {
        return await this.invoke<SandboxInfo>('sandbox.create', args, all);
      }
      const build = await this.open('sandbox.create_with_logs', args, all, BuildStream);
      return await build.finish<SandboxInfo>(onSnapshotCreateLogs);
    };
    const undo = ({ id }: SandboxInfo) => this.invoke('sandbox.delete', { idOrName: id }).catch(() => {});
    return new Sandbox(this.#connection, await cleansUp(create, undo, others.signal));
  }

  /**
   * Returns the sandbox with this id or name, or the first that has all these labels.
   *
   * @param filter - Id or name, or a filter.
   * @param options - A signal that aborts the call, and a limit for its requests.
   * @throws `DaytonaNotFoundError` when there is none, `DaytonaInvalidArgumentError` for an empty filter.
   */
  async findOne(filter: string | SandboxFilter, options?: CallOptions): Promise<Sandbox> {
    const wanted = typeof filter === 'string' ? { idOrName: filter } : filter;
    return this.sandbox('sandbox.find_one', {}, { ...wanted, ...options });
  }

  /**
   * Lists sandboxes. Iterate over the result for all of them; `await` it for one numbered page.
   *
   * @param query - Which sandboxes, and in which order; or the labels they must have.
   * @param page - Page to start at, from 1. Default: 1.
   * @param limit - Sandboxes per page, 1 to 200. Default: 100.
   * @param options - A signal that aborts the calls, and a limit for their requests.
   * @example
   * for await (const sandbox of daytona.list({ states: ['started'] })) console.log(sandbox.name);
   *
   * const { items, total } = await daytona.list({ team: 'blue' }, 1, 10);
   */
  list(query?: ListSandboxesQuery, options?: CallOptions): SandboxList;
  list(labels?: Record<string, string>, page?: number, limit?: number, options?: CallOptions): SandboxList;
  list(
    queryOrLabels: ListSandboxesQuery | Record<string, string> = {},
    page?: number | CallOptions,
    limit?: number,
    options?: CallOptions,
  ): SandboxList {
    const numbered = typeof page === 'number' || limit !== undefined;
    const isQuery = !numbered && Object.keys(queryOrLabels).every((name) => LIST_SANDBOXES_QUERY.has(name));
    const query = isQuery ? queryOrLabels : { labels: queryOrLabels as Record<string, string>, limit };
    const others = typeof page === 'object' ? page : options;
    return new SandboxList(this.#connection, query, typeof page === 'number' ? page : undefined, others ?? {});
  }

  /** Starts the sandbox: the same as {@link Sandbox.start}. */
  async start(sandbox: Sandbox, timeout?: Seconds<WaitOptions>): Promise<void> {
    await sandbox.start(timeout);
  }

  /** Stops the sandbox: the same as {@link Sandbox.stop}. */
  async stop(sandbox: Sandbox, timeout?: Seconds<StopOptions>): Promise<void> {
    await sandbox.stop(timeout);
  }

  /** Deletes the sandbox: the same as {@link Sandbox.delete}. */
  async delete(sandbox: Sandbox, timeout?: Seconds<DeleteOptions>): Promise<void> {
    await sandbox.delete(timeout);
  }

  /** Copies the sandbox: the same as {@link Sandbox.fork}. */
  _experimental_fork(sandbox: Sandbox, params?: ForkParams, timeout?: Seconds<ForkOptions>): Promise<Sandbox> {
    return sandbox.fork(params, timeout);
  }

  /**
   * Base URL of the toolbox of a sandbox.
   *
   * @deprecated Use `toolboxProxyUrl` of the sandbox.
   */
  async getProxyToolboxUrl(sandboxId: string, _regionId?: string): Promise<string> {
    return (await this.get(sandboxId)).toolboxProxyUrl;
  }

  /**
   * Iterates over the changes of sandboxes' states from now on, without end. No change is lost, whatever happens to the connection;
   * of several that a sandbox went through while there was none the last one is told.
   *
   * @param options - The only sandbox to tell of, and a signal that ends the iteration with an error.
   */
  async *events(
    options: Pick<PollEventsOptions, 'sandboxId'> & Pick<CallOptions, 'signal'> = {},
  ): AsyncGenerator<SandboxEvent, never, undefined> {
    let position = await this.beginEvents({ signal: options.signal });
    while (true) {
      const found = await this.pollEvents({ ...options, position });
      yield* found.events;
      position = found.position;
    }
  }

  /**
   * Refuses further calls and lets go of the connections. Calls in flight go on; sandboxes are not touched. Telemetry that waits is sent,
   * for which the process stays, if need be.
   */
  close(): void {
    void this.#end();
  }

  async [asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    const flushed = this.#connection.flush();
    this.#connection.close();
    await flushed;
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    return shown('Daytona', this.#connection.place ?? { closed: true }, options, inspect);
  }
}
