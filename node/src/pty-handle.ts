import { bytesOf } from './argument.js';
import { asyncDispose } from './disposal.js';
import { DaytonaClosedError } from './errors.js';
import type { PtyResult, PtySessionInfo, PtySize } from './generated/models.js';
import { type Inspect, inspection, shown } from './inspection.js';
import type { Outcome } from './pump.js';
import { StreamHandle } from './stream-handle.js';

/** Takes output of a terminal; a returned promise is waited for before the next output. */
export type PtyDataHandler = (data: Uint8Array) => unknown;

/** What a handle does through the service that made it. */
export interface PtyControl {
  resize(sessionId: string, size: PtySize): Promise<PtySessionInfo>;
  kill(sessionId: string): Promise<void>;
}

/**
 * A connection to a terminal in the sandbox.
 *
 * Output goes to the `onData` handler, or to whoever iterates over the handle; leaving the loop keeps the connection, so one
 * can wait for a prompt, type, and iterate again. Without either it stays in the sandbox until {@link PtyHandle.wait}
 * discards it.
 */
export class PtyHandle extends StreamHandle implements AsyncIterable<Buffer> {
  readonly #control: PtyControl;
  readonly #forwarding: Promise<void> | undefined;
  #ended = false;

  /** Id of the terminal session. */
  readonly sessionId: string;

  /** @internal */
  constructor(outcome: Outcome, signal: AbortSignal | undefined, control: PtyControl, onData?: PtyDataHandler) {
    super(outcome, signal);
    this.sessionId = this.info<{ sessionId: string }>().sessionId;
    this.#control = control;
    if (onData) {
      this.#forwarding = this.#forward(onData);
      // `wait` reports it; a program that does not wait must not end because of it.
      this.#forwarding.catch(() => {});
    }
  }

  /** Exit code of the terminal's process, once it has ended. */
  get exitCode(): number | undefined {
    return this.result<PtyResult>()?.exitCode;
  }

  /** Why the terminal ended, when its process did not simply exit with 0. */
  get error(): string | undefined {
    return this.result<PtyResult>()?.error;
  }

  /** Whether the connection is open. */
  isConnected(): boolean {
    return !this.#ended && !this.closed;
  }

  /** Resolves at once: a handle is connected when you get it. */
  async waitForConnection(): Promise<void> {
    if (!this.isConnected()) {
      throw new DaytonaClosedError('The terminal has been disconnected.');
    }
  }

  /**
   * Types into the terminal.
   *
   * @param data - Text or bytes; end a command with `\n`.
   * @throws `DaytonaClosedError` when the terminal has ended or been disconnected.
   */
  async sendInput(data: string | Uint8Array): Promise<void> {
    await this.writePiece(bytesOf('input', data));
  }

  /**
   * Changes the size of the terminal. Sizes given one after the other without waiting arrive in that order.
   *
   * @param cols - Columns, 1 to 1000, or the size as an object.
   * @param rows - Lines, 1 to 1000.
   */
  async resize(size: PtySize): Promise<PtySessionInfo>;
  async resize(cols: number, rows: number): Promise<PtySessionInfo>;
  async resize(cols: number | PtySize, rows?: number): Promise<PtySessionInfo> {
    const size = typeof cols === 'number' ? { cols, rows: rows as number } : cols;
    return await this.#control.resize(this.sessionId, size);
  }

  /** Closes the connection. The terminal session goes on; `connectPty` connects again. */
  async disconnect(): Promise<void> {
    if (!this.closed) {
      await this.end();
    }
  }

  /** Kills the terminal's processes and removes the session. */
  async kill(): Promise<void> {
    await this.#control.kill(this.sessionId);
  }

  /**
   * Waits until the terminal's process has ended or the connection has been closed. Output nobody takes is discarded.
   *
   * @throws What the `onData` handler threw; `DaytonaConnectionError` when the connection broke.
   */
  async wait(): Promise<PtyResult> {
    await (this.#forwarding ?? this.#forward(() => {}));
    return this.result<PtyResult>() ?? {};
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Buffer> {
    for (let data = await this.#read(); data; data = await this.#read()) {
      yield data;
    }
  }

  override async [asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  /** @internal */
  [inspection](_depth: number, options: object, inspect: Inspect): string {
    return shown('PtyHandle', { sessionId: this.sessionId, exitCode: this.exitCode }, options, inspect);
  }

  async #forward(onData: PtyDataHandler): Promise<void> {
    for await (const data of this) {
      await onData(data);
    }
  }

  /** The next output; `undefined` at the end and after {@link PtyHandle.disconnect}. */
  async #read(): Promise<Buffer | undefined> {
    let data: Buffer | undefined;
    try {
      data = this.closed ? undefined : await this.readBatch();
    } catch (error) {
      if (!(error instanceof DaytonaClosedError && this.closed)) {
        throw error;
      }
    }
    if (!data && !this.#ended) {
      this.#ended = true;
      await this.disconnect();
    }
    return data;
  }
}
