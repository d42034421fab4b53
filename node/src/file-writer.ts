import type { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import { bytesOf } from './argument.js';
import { asyncDispose } from './disposal.js';
import type { StreamHandle } from './stream-handle.js';

/**
 * A file being uploaded. The file exists once {@link FileWriter.finish} has resolved; closing the writer before gives up.
 */
export class FileWriter implements AsyncDisposable {
  readonly #handle: StreamHandle;

  /** @internal */
  constructor(handle: StreamHandle) {
    this.#handle = handle;
  }

  /**
   * Writes a piece; resolves when there is room for the next one.
   *
   * @throws `DaytonaConnectionError` when the connection breaks, what the server says when it refuses the file.
   */
  async write(data: Uint8Array | string): Promise<void> {
    await this.#handle.write(bytesOf('piece', data));
  }

  /**
   * Stores the file.
   *
   * @throws What the server says when it refuses the file.
   */
  async finish(): Promise<void> {
    try {
      await this.#handle.finish();
    } finally {
      this.close();
    }
  }

  /** The writer as a Node.js stream: ending it stores the file, destroying it gives up. */
  writable(): Writable {
    const { Writable } = require('node:stream') as typeof import('node:stream');
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.write(chunk).then(() => done(), done);
      },
      final: (done) => {
        this.finish().then(() => done(), done);
      },
      destroy: (error, done) => {
        this.close();
        done(error);
      },
    });
  }

  /** The writer as a web stream: closing it stores the file, aborting it gives up. */
  web(): WritableStream<Uint8Array> {
    const { WritableStream } = require('node:stream/web') as typeof import('node:stream/web');
    return new WritableStream<Uint8Array>({
      write: (chunk) => this.write(chunk),
      close: () => this.finish(),
      abort: () => this.close(),
    });
  }

  /** Gives up unless the file has been stored. */
  close(): void {
    this.#handle.close();
  }

  async [asyncDispose](): Promise<void> {
    this.close();
  }
}
