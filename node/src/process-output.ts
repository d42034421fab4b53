import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { OutputOptions } from './generated/models.js';
import type { LogChunk, LogStream } from './log-stream.js';
import type { CallOptions } from './service.js';
import { nodeStream, type Pieces, webStream } from './streams.js';

/** How to read an output. */
export type ReadOptions = Pick<OutputOptions, 'follow'> & CallOptions;

/**
 * One of the outputs of a process, readable from its beginning any number of times: every reader has a connection of its own
 * and reads from the network only as fast as it is read from.
 *
 * Iterate over it for the bytes as they come, until the process ends. With `{ follow: false }` a reader ends with what was
 * written so far.
 */
export class ProcessOutput implements AsyncIterable<Buffer> {
  readonly #open: (options: ReadOptions) => Promise<LogStream>;

  /** @internal */
  constructor(open: (options: ReadOptions) => Promise<LogStream>) {
    this.#open = open;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    return this.#pieces({});
  }

  /** The text as it comes, at any length. A character is never cut. */
  async *decoded(options: ReadOptions = {}): AsyncGenerator<string, void, undefined> {
    for await (const { text } of await this.#open(options)) {
      yield text;
    }
  }

  /** The lines as they are completed, without their ends (`\n`, or `\r\n`); the last one may lack it. */
  async *lines(options: ReadOptions = {}): AsyncGenerator<string, void, undefined> {
    for await (const lines of (await this.#open(options)).lines()) {
      yield* lines;
    }
  }

  /** The bytes as a Node.js stream. Destroying it stops the reader, not the process. */
  readable(options: ReadOptions = {}): Readable {
    return nodeStream(this.#reader(options));
  }

  /** The bytes as a web stream. Cancelling it stops the reader, not the process. */
  web(options: ReadOptions = {}): ReadableStream<Uint8Array> {
    return webStream(this.#reader(options));
  }

  /** All bytes, once the process has ended. They are held in memory. */
  async bytes(options: ReadOptions = {}): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(options)) {
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** All text, once the process has ended. It is held in memory. */
  async text(options: ReadOptions = {}): Promise<string> {
    const pieces: string[] = [];
    for await (const piece of this.decoded(options)) {
      pieces.push(piece);
    }
    return pieces.join('');
  }

  async *#pieces(options: ReadOptions): AsyncGenerator<Buffer, void, undefined> {
    yield* pieces(await this.#open(options));
  }

  /** The bytes for a stream, which may be closed while it waits for them, or before it has begun. */
  #reader(options: ReadOptions): Pieces {
    const open = this.#open;
    let log: LogStream | undefined;
    let closed = false;
    const generator = (async function* () {
      log = await open(options);
      if (closed) {
        log.close();
      }
      yield* pieces(log);
    })();
    return {
      next: () => generator.next(),
      close: () => {
        closed = true;
        log?.close();
      },
    };
  }
}

async function* pieces(log: AsyncIterable<LogChunk>): AsyncGenerator<Buffer, void, undefined> {
  for await (const { data } of log) {
    yield data;
  }
}
