import { asyncDispose } from './disposal.js';
import { ERROR, frames, STDERR } from './frames.js';
import type { ExecutionError } from './generated/models.js';
import type { StreamHandle } from './stream-handle.js';

/** Something a run of the code interpreter did. */
export type InterpreterEvent =
  | {
      /** The stream it was written to. */
      readonly type: 'stdout' | 'stderr';
      /** What was written. */
      readonly text: string;
    }
  | {
      readonly type: 'error';
      /** The exception that ended the run. */
      readonly error: ExecutionError;
    };

/**
 * A run of the code interpreter. Iterate over its events. Leaving the loop early gives up the run, and what its context knew
 * may be lost with it.
 */
export class InterpreterStream implements AsyncIterable<InterpreterEvent>, AsyncDisposable {
  readonly #handle: StreamHandle;

  /** @internal */
  constructor(handle: StreamHandle) {
    this.#handle = handle;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<InterpreterEvent> {
    try {
      for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
        for (const { tag, content } of frames(batch)) {
          // The interpreter sends text: a frame never cuts a character.
          const text = content.toString();
          yield tag === ERROR
            ? { type: 'error', error: JSON.parse(text) as ExecutionError }
            : { type: tag === STDERR ? 'stderr' : 'stdout', text };
        }
      }
    } finally {
      this.close();
    }
  }

  /** Gives up the run unless it has ended. */
  close(): void {
    this.#handle.close();
  }

  async [asyncDispose](): Promise<void> {
    this.close();
  }
}
