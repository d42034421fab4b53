import { unusable } from './argument.js';
import { frames, STDERR, texts } from './frames.js';
import { StreamHandle } from './stream-handle.js';

/** Marks standard output in the raw log of a session command. */
export const STDOUT_PREFIX_BYTES = new Uint8Array([1, 1, 1]);
/** Marks standard error in the raw log of a session command. */
export const STDERR_PREFIX_BYTES = new Uint8Array([2, 2, 2]);
/** Length of these marks in bytes. */
export const MAX_PREFIX_LEN = 3;

/** A piece of a log. */
export interface LogChunk {
  /** Where it was written to. */
  readonly channel: 'stdout' | 'stderr';
  /** The bytes as they were written. A character is never cut. */
  readonly data: Buffer;
  /** The same as text. */
  readonly text: string;
}

/** Takes a piece of text; a returned promise is waited for before the next piece. */
export type TextHandler = (chunk: string) => unknown;

/**
 * A live log: first what was logged so far, then what is being logged, until the command ends. Iterate over it; leaving
 * the loop closes it. It reads from the network only as fast as you do.
 */
export class LogStream extends StreamHandle implements AsyncIterable<LogChunk> {
  async *[Symbol.asyncIterator](): AsyncIterator<LogChunk> {
    for await (const batch of this.batches('characters')) {
      for (const { tag, content } of frames(batch)) {
        yield { channel: tag === STDERR ? 'stderr' : 'stdout', data: content, text: content.toString() };
      }
    }
  }

  /**
   * The lines of both channels as they are completed, without their ends, many at a time.
   *
   * @internal
   */
  async *lines(): AsyncGenerator<string[], void, undefined> {
    for await (const batch of this.batches('lines')) {
      yield texts(batch);
    }
  }

  /**
   * Hands the text to the handlers until the log ends.
   *
   * @param onStdout - Takes standard output.
   * @param onStderr - Takes standard error.
   * @throws What a handler throws.
   */
  async forward(onStdout: TextHandler, onStderr: TextHandler): Promise<void> {
    for (const handler of [onStdout, onStderr]) {
      if (typeof handler !== 'function') {
        this.close();
        throw unusable('handler', handler, 'it must be a function');
      }
    }
    for await (const { channel, text } of this) {
      await (channel === 'stdout' ? onStdout : onStderr)(text);
    }
  }
}
