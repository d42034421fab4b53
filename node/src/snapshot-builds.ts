import { unusable } from './argument.js';
import { BuildStream } from './build-stream.js';
import { asyncDispose } from './disposal.js';
import type { Image } from './generated/image.js';
import type {
  CreateSnapshotOptions,
  ListSnapshotsOptions,
  SnapshotInfo,
  SnapshotPage,
  SnapshotParams,
} from './generated/models.js';
import { withImage } from './image-builder.js';
import { type CallOptions, Service } from './service.js';

/** A snapshot: an image with the resources of the sandboxes that are made from it. */
export interface Snapshot
  extends Omit<SnapshotInfo, 'createdAt' | 'updatedAt' | 'lastUsedAt' | 'size' | 'entrypoint' | 'errorReason'> {
  /** Size of the image in GB, once it is known. */
  size: number | null;
  /** Program that its sandboxes start with, and its arguments. */
  entrypoint: string[] | null;
  /** Reason for the state `error` or `build_failed`. */
  errorReason: string | null;
  /** Time it was created. */
  createdAt: Date;
  /** Time it last changed. */
  updatedAt: Date;
  /** Time a sandbox was last made from it. */
  lastUsedAt: Date | null;
}

/** A page of snapshots. */
export interface PaginatedSnapshots extends Omit<SnapshotPage, 'items'> {
  /** The snapshots of this page. */
  items: Snapshot[];
}

/** How to create a snapshot. */
export type CreateSnapshotParams = Omit<SnapshotParams, 'image' | 'dockerfile' | 'contexts' | 'contextHashes'> & {
  /** Image reference, for example `python:3.12-slim`, or what to build. */
  image: string | Image;
};

/** Options of {@link SnapshotBuilds.create}. */
export interface SnapshotCreationOptions extends CreateSnapshotOptions, CallOptions {
  /** Takes each line of the log while the image is fetched or built. A returned promise is waited for. */
  onLogs?: (chunk: string) => unknown;
}

/**
 * A snapshot in the making: iterate over the lines of its log, and ask for its result. Closing it ends the waiting only; the
 * server goes on.
 */
export class SnapshotBuild implements AsyncIterable<string>, AsyncDisposable {
  readonly #stream: BuildStream;
  readonly #lines: AsyncGenerator<string, void, undefined>;

  /** @internal */
  constructor(stream: BuildStream) {
    this.#stream = stream;
    this.#lines = stream.lines();
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return this.#lines;
  }

  /**
   * The snapshot, once it can be used. Lines that have not been read are dropped.
   *
   * @throws `DaytonaError` when its image cannot be fetched or built: the error says why.
   */
  async result(): Promise<Snapshot> {
    return snapshot(await this.#stream.finish<SnapshotInfo>());
  }

  /** Ends the waiting at once. */
  close(): void {
    this.#stream.close();
  }

  async [asyncDispose](): Promise<void> {
    this.close();
  }
}

/** Snapshots as programs make and read them. */
export abstract class SnapshotBuilds extends Service {
  /**
   * Creates a snapshot from an image, which is fetched or built, and waits until it can be used. What is built goes on when the
   * call is aborted or times out.
   *
   * @param params - What to create it from, and its settings.
   * @param options - A handler for the log, how long to wait (`timeout` in seconds, 0 = no limit, the default), and a signal.
   * @throws `DaytonaValidationError` for parameters the server refuses, `DaytonaConflictError` when the name is taken,
   * `DaytonaTimeoutError` when it takes too long, `DaytonaError` when its image cannot be fetched or built: the error says why.
   * @example
   * const image = Image.debianSlim('3.12').pipInstall('numpy');
   * await daytona.snapshot.create({ name: 'science', image }, { onLogs: console.log });
   */
  async create(params: CreateSnapshotParams, options?: SnapshotCreationOptions): Promise<Snapshot> {
    const { onLogs, ...others } = options ?? {};
    if (onLogs) {
      return snapshot(await (await this.#build(params, others)).finish<SnapshotInfo>(onLogs));
    }
    return this.read('snapshot.create', { params: withImage(params) }, others);
  }

  /**
   * The same as {@link create}, for programs that read the log by themselves.
   *
   * @param params - What to create it from, and its settings.
   * @param options - How long to wait (`timeout` in seconds, 0 = no limit, the default), and a signal.
   */
  async createStream(
    params: CreateSnapshotParams,
    options?: CreateSnapshotOptions & CallOptions,
  ): Promise<SnapshotBuild> {
    return new SnapshotBuild(await this.#build(params, options));
  }

  /**
   * Returns one page of snapshots.
   *
   * @param query - Which snapshots, in which order, and which page; or the number of the page, from 1. Default: 1.
   * @param limit - Snapshots per page, 1 to 200. Default: 100.
   * @param options - A signal that aborts the call, and a limit for its requests.
   */
  async list(
    query?: number | ListSnapshotsOptions,
    limit?: number,
    options?: CallOptions,
  ): Promise<PaginatedSnapshots> {
    const wanted = typeof query === 'object' ? query : { page: query };
    const given = limit === undefined ? wanted : { ...wanted, limit };
    const page = await this.invoke<SnapshotPage>('snapshot.list', {}, { ...given, ...options });
    return { ...page, items: page.items.map(snapshot) };
  }

  /**
   * All snapshots, page by page as they are asked for.
   *
   * @param query - Which snapshots, and in which order.
   * @param options - A signal that aborts the calls, and a limit for their requests.
   */
  async *listAll(query?: ListSnapshotsOptions, options?: CallOptions): AsyncGenerator<Snapshot, void, undefined> {
    for (let number = query?.page ?? 1; ; number++) {
      const { items, totalPages } = await this.list({ ...query, page: number }, undefined, options);
      yield* items;
      if (number >= totalPages) {
        return;
      }
    }
  }

  /** @internal */
  protected async read(op: string, args: object, options?: CallOptions): Promise<Snapshot> {
    return snapshot(await this.invoke<SnapshotInfo>(op, args, options));
  }

  #build(params: CreateSnapshotParams, options?: CreateSnapshotOptions & CallOptions): Promise<BuildStream> {
    return this.open('snapshot.create_with_logs', { params: withImage(params) }, options, BuildStream);
  }
}

/**
 * The id of a snapshot, or the id or name that is given for it.
 *
 * @internal
 */
export function snapshotId(given: Snapshot | string): string {
  const id = typeof given === 'string' ? given : given?.id;
  if (typeof id !== 'string') {
    throw unusable('snapshot', given, 'it must be a snapshot, or its id or name');
  }
  return id;
}

function snapshot(info: SnapshotInfo): Snapshot {
  return {
    ...info,
    size: info.size ?? null,
    entrypoint: info.entrypoint ?? null,
    errorReason: info.errorReason ?? null,
    createdAt: new Date(info.createdAt),
    updatedAt: new Date(info.updatedAt),
    lastUsedAt: info.lastUsedAt ? new Date(info.lastUsedAt) : null,
  };
}
