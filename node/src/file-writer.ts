import type { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import { bytesOf } from './argument.js';
import { StreamHandle } from './stream-handle.js';
import { writableStream } from './streams.js';

/**
 * A file being uploaded. The file exists once {@link FileWriter.finish} has resolved; closing the writer before gives up.
 */
export class FileWriter extends StreamHandle {
  /**
   * Writes a piece; resolves when there is room for the next one.
   *
   * @throws `DaytonaConnectionError` when the connection breaks, what the server says when it refuses the file.
   */
  async write(data: Uint8Array | string): Promise<void> {
    await this.writePiece(bytesOf('piece', data));
  }

  /**
   * Stores the file.
   *
   * @throws What the server says when it refuses the file.
   */
  async finish(): Promise<void> {
    await this.end();
  }

  /** The writer as a Node.js stream: ending it stores the file, destroying it gives up. */
  writable(): Writable {
    return writableStream({
      write: (chunk) => this.write(chunk),
      finish: () => this.finish(),
      close: () => this.close(),
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
}
