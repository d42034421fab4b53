import { succeeded } from './connection.js';
import { DaytonaClosedError, DaytonaInternalError } from './errors.js';
import type { NativePump, NativeStream } from './native.js';
import { type Outcome, run } from './pump.js';

/** Bytes a read asks for: whatever is there comes at once, so a large number costs no time. */
const BATCH = 1 << 20;

/**
 * An open stream of any kind. What is not read is not taken from the network; reads, writes and closing do not wait for
 * each other.
 */
export class StreamHandle {
  #native: NativeStream | undefined;
  readonly #signal: AbortSignal | undefined;
  #result: string | undefined;
  #lastWrite: Promise<unknown> = Promise.resolve();

  /**
   * @param outcome - Of the operation that opened the stream.
   * @param signal - Aborts reads and writes too.
   */
  constructor(outcome: Outcome, signal?: AbortSignal) {
    if (!outcome.stream) {
      throw new DaytonaInternalError('The operation did not open a stream.');
    }
    this.#native = outcome.stream;
    this.#signal = signal;
  }

  /** Whether the stream has been closed from this side. */
  get closed(): boolean {
    return this.#native === undefined;
  }

  /** The stream's result as JSON, known at its end; empty for streams without one. */
  get result(): string | undefined {
    return this.#result;
  }

  /** The next batch, or `undefined` at the end. */
  async read(): Promise<Buffer | undefined> {
    if (this.#result !== undefined) {
      return undefined;
    }
    const outcome = await this.#run((stream, pump, id) => stream.read(pump, id, BATCH));
    const [batch] = outcome.blobs;
    if (!batch) {
      this.#result = outcome.json;
    }
    return batch;
  }

  /** Writes a piece, after those before it; resolves when there is room for the next one. */
  async write(data: Uint8Array): Promise<void> {
    await this.#inOrder((stream, pump, id) => stream.write(pump, id, data));
  }

  /** Ends the writing side in order. */
  async finish(): Promise<void> {
    await this.#inOrder((stream, pump, id) => stream.finish(pump, id));
  }

  /** Closes the stream at once; calls in flight on it fail with {@link DaytonaClosedError}. */
  close(): void {
    this.#native?.close();
    this.#native = undefined;
  }

  /** Native calls of the same stream might overtake each other. */
  #inOrder(start: (stream: NativeStream, pump: NativePump, id: number) => void): Promise<unknown> {
    const done = this.#lastWrite.then(() => this.#run(start));
    this.#lastWrite = done.catch(() => {});
    return done;
  }

  async #run(start: (stream: NativeStream, pump: NativePump, id: number) => void): Promise<Outcome> {
    const stream = this.#native;
    if (!stream) {
      throw new DaytonaClosedError('The stream has been closed.');
    }
    return succeeded(await run((pump, id) => start(stream, pump, id), this.#signal), this.#signal);
  }
}
