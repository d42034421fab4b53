import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Outcome } from './pump.js';
import { StreamHandle } from './stream-handle.js';
import { nodeStream, type Pieces, webStream } from './streams.js';

/** How far a download has come. */
export interface DownloadProgress {
  /** Bytes received. */
  bytesReceived: number;
  /** Bytes in all, where the server tells it. */
  totalBytes?: number;
}

/** Takes how far a download has come, after every piece. A returned promise is waited for. */
export type DownloadProgressHandler = (progress: DownloadProgress) => unknown;

/**
 * A file being downloaded: an async iterable of its pieces, a Node.js stream or a web stream, whichever fits. It reads from
 * the network only as fast as you do. Use one of them, once.
 */
export class FileReader extends StreamHandle implements AsyncIterable<Buffer> {
  /** Size of the file in bytes, where the server tells it. */
  readonly size: number | undefined;

  /** @internal */
  constructor(outcome: Outcome, signal?: AbortSignal) {
    super(outcome, signal);
    this.size = this.info<{ size: number | null }>().size ?? undefined;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    return this.batches();
  }

  /**
   * The file as a Node.js stream. Destroying it stops the download.
   *
   * @param onProgress - Takes how many bytes have been read.
   */
  readable(onProgress?: DownloadProgressHandler): Readable {
    return nodeStream(this.#pieces(onProgress));
  }

  /**
   * The file as a web stream. Cancelling it stops the download.
   *
   * @param onProgress - Takes how many bytes have been read.
   */
  web(onProgress?: DownloadProgressHandler): ReadableStream<Uint8Array> {
    return webStream(this.#pieces(onProgress));
  }

  /** The whole file. */
  async bytes(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this) {
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  #pieces(onProgress?: DownloadProgressHandler): Pieces {
    const pieces = this[Symbol.asyncIterator]();
    const totalBytes = this.size;
    let bytesReceived = 0;
    const next = async () => {
      const piece = await pieces.next();
      if (!piece.done) {
        bytesReceived += piece.value.length;
        await onProgress?.(totalBytes === undefined ? { bytesReceived } : { bytesReceived, totalBytes });
      }
      return piece;
    };
    return { next, close: () => this.close() };
  }
}
