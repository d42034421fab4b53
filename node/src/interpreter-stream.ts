import { ERROR, frames, STDERR } from './frames.js';
import type { ExecutionError } from './generated/models.js';
import { StreamHandle } from './stream-handle.js';

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
export class InterpreterStream extends StreamHandle implements AsyncIterable<InterpreterEvent> {
  async *[Symbol.asyncIterator](): AsyncIterator<InterpreterEvent> {
    for await (const batch of this.batches()) {
      for (const { tag, content } of frames(batch)) {
        const text = content.toString();
        yield tag === ERROR
          ? { type: 'error', error: JSON.parse(text) as ExecutionError }
          : { type: tag === STDERR ? 'stderr' : 'stdout', text };
      }
    }
  }
}
