import type { PtyResult } from './generated/models.js';
import type { StreamHandle } from './stream-handle.js';

/** The connection to a terminal, as the native library has it. {@link PtyHandle} is what users see of it. */
export class Terminal {
  readonly #handle: StreamHandle;
  readonly sessionId: string;

  constructor(handle: StreamHandle, info: string) {
    this.#handle = handle;
    this.sessionId = (JSON.parse(info) as { sessionId: string }).sessionId;
  }

  /** Whether it has been closed from this side. */
  get closed(): boolean {
    return this.#handle.closed;
  }

  /** How the terminal ended, once {@link Terminal.read} has met its end. */
  get result(): PtyResult | undefined {
    const json = this.#handle.result;
    return json ? (JSON.parse(json) as PtyResult) : undefined;
  }

  /** The next output, or `undefined` at the end. */
  read(): Promise<Buffer | undefined> {
    return this.#handle.read();
  }

  /** Types into the terminal. */
  write(data: Uint8Array): Promise<void> {
    return this.#handle.write(data);
  }

  /** Disconnects in order. */
  async disconnect(): Promise<void> {
    if (this.closed) {
      return;
    }
    try {
      await this.#handle.finish();
    } finally {
      this.#handle.close();
    }
  }
}
