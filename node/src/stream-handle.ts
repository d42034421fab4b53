import { succeeded } from './connection.js';
import { asyncDispose } from './disposal.js';
import { DaytonaClosedError, DaytonaInternalError } from './errors.js';
import type { NativePump, NativeStream } from './native.js';
import { type Outcome, run } from './pump.js';

/** Bytes a read asks for: whatever is there comes at once, so a large number costs no time. */
const BATCH = 1 << 20;

/** The form in which output is read: as it came, without characters cut in two, or a frame per line. */
export type Form = 'bytes' | 'characters' | 'lines';

/**
 * An open stream of any kind. What is not read is not taken from the network; reads, writes and closing do not wait for
 * each other, and writes arrive in the order they were made.
 */
export abstract class StreamHandle implements AsyncDisposable {
  #native: NativeStream | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #info: string;
  #result: string | undefined;

  /**
   * @param outcome - Of the operation that opened the stream.
   * @param signal - Aborts reads and writes too.
   * @internal
   */
  constructor(outcome: Outcome, signal?: AbortSignal) {
    if (!outcome.stream) {
      throw new DaytonaInternalError('The operation did not open a stream.');
    }
    this.#native = outcome.stream;
    this.#info = outcome.json;
    this.#signal = signal;
  }

  /** Closes the stream at once; calls in flight on it fail with `DaytonaClosedError`. */
  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }

  async [asyncDispose](): Promise<void> {
    this.close();
  }

  /**
   * Whether the stream has been closed from this side.
   *
   * @internal
   */
  protected get closed(): boolean {
    return this.#native === undefined;
  }

  /**
   * What was known when the stream was opened.
   *
   * @internal
   */
  protected info<Info>(): Info {
    return JSON.parse(this.#info) as Info;
  }

  /**
   * The stream's result, known at its end.
   *
   * @internal
   */
  protected result<Result>(): Result | undefined {
    return this.#result ? (JSON.parse(this.#result) as Result) : undefined;
  }

  /**
   * The next batch, or `undefined` at the end.
   *
   * @internal
   */
  protected async readBatch(form?: Form): Promise<Buffer | undefined> {
    if (this.#result !== undefined) {
      return undefined;
    }
    const outcome = await this.#run((stream, pump, id) => stream.read(pump, id, BATCH, form));
    const [batch] = outcome.blobs;
    if (!batch) {
      this.#result = outcome.json;
    }
    return batch;
  }

  /**
   * The batches until the end. Leaving the loop closes the stream.
   *
   * @internal
   */
  protected async *batches(form?: Form): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (let batch = await this.readBatch(form); batch; batch = await this.readBatch(form)) {
        yield batch;
      }
    } finally {
      this.close();
    }
  }

  /**
   * Writes a piece; resolves when there is room for the next one.
   *
   * @internal
   */
  protected async writePiece(data: Uint8Array): Promise<void> {
    await this.#run((stream, pump, id) => stream.write(pump, id, data));
  }

  /**
   * Ends the writing side in order, and closes the stream.
   *
   * @internal
   */
  protected async end(): Promise<void> {
    try {
      await this.#run((stream, pump, id) => stream.finish(pump, id));
    } finally {
      this.close();
    }
  }

  async #run(start: (stream: NativeStream, pump: NativePump, id: number) => void): Promise<Outcome> {
    const stream = this.#native;
    if (!stream) {
      throw new DaytonaClosedError('The stream has been closed.');
    }
    return succeeded(await run((pump, id) => start(stream, pump, id), this.#signal), this.#signal);
  }
}
