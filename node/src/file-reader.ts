import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { asyncDispose } from './disposal.js';
import type { StreamHandle } from './stream-handle.js';

/**
 * A file being downloaded: an async iterable of its pieces, a Node.js stream or a web stream, whichever fits. It reads from
 * the network only as fast as you do. Use one of them, once.
 */
export class FileReader implements AsyncIterable<Buffer>, AsyncDisposable {
  readonly #handle: StreamHandle;
  /** Size of the file in bytes, where the server tells it. */
  readonly size: number | undefined;

  /** @internal */
  constructor(handle: StreamHandle, info: string) {
    this.#handle = handle;
    this.size = (JSON.parse(info) as { size: number | null }).size ?? undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (let batch = await this.#handle.read(); batch; batch = await this.#handle.read()) {
        yield batch;
      }
    } finally {
      this.close();
    }
  }

  /** The file as a Node.js stream. Destroying it stops the download. */
  readable(): Readable {
    const { Readable } = require('node:stream') as typeof import('node:stream');
    return Readable.from(this, { objectMode: false });
  }

  /** The file as a web stream. Cancelling it stops the download. */
  web(): ReadableStream<Uint8Array> {
    const { ReadableStream } = require('node:stream/web') as typeof import('node:stream/web');
    const pieces = this[Symbol.asyncIterator]();
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const next = await pieces.next();
          if (next.done) {
            controller.close();
          } else {
            controller.enqueue(next.value);
          }
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The whole file. */
  async bytes(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this) {
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** Stops the download. */
  close(): void {
    this.#handle.close();
  }

  async [asyncDispose](): Promise<void> {
    this.close();
  }
}
