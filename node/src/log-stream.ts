import { unusable } from './argument.js';
import { asyncDispose } from './disposal.js';
import { frames, STDERR } from './frames.js';
import type { StreamHandle } from './stream-handle.js';

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
  /** The bytes as they were written. */
  readonly data: Buffer;
  /** The text these bytes complete: a character cut in two belongs to the chunk that ends it. */
  readonly text: string;
}

/** Takes a piece of text; a returned promise is waited for before the next piece. */
export type TextHandler = (chunk: string) => unknown;

/**
 * A live log: first what was logged so far, then what is being logged, until the command ends. Iterate over it; leaving
 * the loop closes it. It reads from the network only as fast as you do.
 */
export class LogStream implements AsyncIterable<LogChunk>, AsyncDisposable {
  readonly #handle: StreamHandle;

  /** @internal */
  constructor(handle: StreamHandle) {
    this.#handle = handle;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<LogChunk> {
    // A byte order mark is output like any other.
    const decoder = () => new TextDecoder('utf-8', { ignoreBOM: true });
    const decoders = { stdout: decoder(), stderr: decoder() };
    try {
      for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
        for (const { tag, content } of frames(batch)) {
          const channel = tag === STDERR ? 'stderr' : 'stdout';
          yield { channel, data: content, text: decoders[channel].decode(content, { stream: true }) };
        }
      }
      for (const channel of ['stdout', 'stderr'] as const) {
        const text = decoders[channel].decode();
        if (text) {
          yield { channel, data: Buffer.alloc(0), text };
        }
      }
    } finally {
      this.close();
    }
  }

  /** Hands the text to the handlers until the log ends. */
  async forward(onStdout: TextHandler, onStderr: TextHandler): Promise<void> {
    for (const handler of [onStdout, onStderr]) {
      if (typeof handler !== 'function') {
        this.close();
        throw unusable('handler', handler, 'it must be a function');
      }
    }
    for await (const { channel, text } of this) {
      if (text) {
        await (channel === 'stdout' ? onStdout : onStderr)(text);
      }
    }
  }

  /** Stops reading the log. The command goes on. */
  close(): void {
    this.#handle.close();
  }

  async [asyncDispose](): Promise<void> {
    this.close();
  }
}
