import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { unlessAborted } from './abort.js';
import { bytesOf, unusable } from './argument.js';
import { DirectoryTransfer, type DirectoryTransferOptions } from './directory-transfer.js';
import { cancelled, DaytonaInvalidArgumentError } from './errors.js';
import { type DownloadProgressHandler, FileReader } from './file-reader.js';
import { FileWriter } from './file-writer.js';
import type {
  DirectoryResult,
  DownloadEntry,
  DownloadOptions,
  Match,
  PermissionOptions,
  UploadEntry,
  UploadOptions,
} from './generated/models.js';
import { type CallOptions, Service } from './service.js';
import { type Seconds, withTimeout } from './timeout.js';

/** Content to upload: bytes, or the path of a local file, which is streamed. */
export type FileSource = Uint8Array | string;

/** Content that arrives piece by piece: a Node.js stream, a web stream or any iterable of bytes. */
export type ByteStream =
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>
  | ReadableStream<Uint8Array>
  | NodeJS.ReadableStream;

/** How far an upload has come. */
export interface UploadProgress {
  /** Bytes sent. */
  bytesSent: number;
}

/** Options of {@link FileSystem.uploadFileStream}. */
export interface UploadStreamOptions extends UploadOptions, CallOptions {
  /** Takes how far the upload has come, after every piece. A returned promise is waited for. */
  onProgress?: (progress: UploadProgress) => unknown;
}

/** Options of {@link FileSystem.downloadFileStream}. */
export interface DownloadStreamOptions extends DownloadOptions, CallOptions {
  /** Takes how far the download has come, after every piece. A returned promise is waited for. */
  onProgress?: DownloadProgressHandler;
}

/** A file to upload. */
export interface FileUpload extends Pick<UploadEntry, 'destination'> {
  /** Bytes, or the path of a local file. */
  source: FileSource;
}

/** Result of one file of several. */
export interface FileDownloadResponse extends Omit<DownloadEntry, 'content' | 'localPath'> {
  /** The content, or the local path it was written to when a destination was given. */
  result?: Buffer | string;
}

/** @deprecated Use {@link FileDownloadResponse}. */
export interface DownloadMetadata {
  /** Local path the file was to be written to. */
  destination?: string;
  /** Why there is no result. */
  error?: string;
  /** The content, or the local path it was written to. */
  result?: string | Buffer | Uint8Array;
}

/** Permissions and ownership of a file; what is not given stays as it is. */
export type FilePermissionsParams = PermissionOptions;

/** Files that travel, in the forms this language has for them. */
export abstract class FileTransfers extends Service {
  /**
   * Finds lines that contain a text in a file or below a directory.
   *
   * @param path - The file or directory, or an object of both.
   * @param pattern - The text.
   * @param options - A signal that aborts the call, and a limit for its requests.
   * @throws `DaytonaNotFoundError` when there is no such path.
   */
  async findFiles(path: string, pattern: string, options?: CallOptions): Promise<Match[]>;
  async findFiles(request: { path: string; pattern: string }, options?: CallOptions): Promise<Match[]>;
  async findFiles(
    path: string | { path: string; pattern: string },
    pattern?: string | CallOptions,
    options?: CallOptions,
  ): Promise<Match[]> {
    return typeof path === 'object'
      ? await this.invoke('fs.find_files', path, pattern as CallOptions | undefined)
      : await this.invoke('fs.find_files', { path, pattern }, options);
  }

  /**
   * Uploads what a stream delivers, holding no more than a few pieces in memory. When the stream fails, the handler throws or
   * the signal is aborted, no file is stored.
   *
   * @param source - The content: a stream, bytes, or the path of a local file.
   * @param remotePath - Path in the sandbox.
   * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
   * @throws What the stream throws; otherwise as `uploadFile`.
   * @example
   * await sandbox.fs.uploadFileStream(createReadStream('big.iso'), 'big.iso', { onProgress, signal });
   */
  async uploadFileStream(
    source: ByteStream | FileSource,
    remotePath: string,
    timeout?: Seconds<UploadStreamOptions>,
  ): Promise<void> {
    const { onProgress, ...options } = withTimeout(timeout);
    if (!onProgress && (typeof source === 'string' || source instanceof Uint8Array)) {
      await this.invoke('fs.upload_file', { file: uploadEntry(source, remotePath) }, options);
      return;
    }
    const pieces = await content(source);
    const file = await this.open('fs.open_upload', { remotePath }, options, FileWriter);
    try {
      let bytesSent = 0;
      for await (const piece of options.signal ? untilAborted(pieces, options.signal) : pieces) {
        const data = bytesOf('piece', piece);
        await file.write(data);
        bytesSent += data.length;
        await onProgress?.({ bytesSent });
      }
      await file.finish();
    } finally {
      file.close();
    }
  }

  /**
   * Downloads a file into memory, or into a local file, which appears when it is complete.
   *
   * @param remotePath - Path in the sandbox.
   * @param localPath - Local file to write to. Without it the content is returned.
   * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
   * @throws `DaytonaNotFoundError` when there is none.
   */
  async downloadFile(remotePath: string, timeout?: Seconds<DownloadOptions>): Promise<Buffer>;
  async downloadFile(remotePath: string, localPath: string, timeout?: Seconds<DownloadOptions>): Promise<void>;
  async downloadFile(
    remotePath: string,
    localPath?: string | Seconds<DownloadOptions>,
    timeout?: Seconds<DownloadOptions>,
  ): Promise<unknown> {
    if (typeof localPath !== 'string') {
      return await this.invokeForBytes('fs.download_file', { remotePath }, withTimeout(localPath));
    }
    await this.invoke('fs.download_to_path', { remotePath, localPath }, withTimeout(timeout));
    return undefined;
  }

  /**
   * Downloads a file as a Node.js stream. `openDownload` offers it as a web stream or an async iterable too.
   *
   * @param remotePath - Path in the sandbox.
   * @param timeout - Seconds the transfer may take, 0 = no limit, or options. Default: 1800.
   * @throws `DaytonaNotFoundError` when there is none.
   */
  async downloadFileStream(remotePath: string, timeout?: Seconds<DownloadStreamOptions>): Promise<Readable> {
    const { onProgress, ...options } = withTimeout(timeout);
    const file = await this.open('fs.open_download', { remotePath }, options, FileReader);
    return file.readable(onProgress);
  }

  /** @internal */
  protected async downloads(op: string, args: object, options: CallOptions): Promise<FileDownloadResponse[]> {
    const entries = await this.invoke<DownloadEntry[]>(op, args, options, ['content']);
    return entries.map(({ content, localPath, ...others }) => {
      const result = (content as Buffer | undefined) ?? localPath;
      return result === undefined ? others : { ...others, result };
    });
  }

  /** @internal */
  protected async transfer(op: string, args: object, options?: DirectoryTransferOptions): Promise<DirectoryResult> {
    const { onProgress, ...others } = options ?? {};
    return await (await this.open(op, args, others, DirectoryTransfer)).finish(onProgress);
  }
}

/** What the core takes for a file to upload. */
export function uploadEntry(source: FileSource, destination: string): UploadEntry {
  if (typeof source === 'string') {
    return { localPath: source, destination };
  }
  if (source instanceof Uint8Array) {
    return { content: source, destination };
  }
  throw unusable('source', source, 'it must be bytes or the path of a local file; uploadFileStream takes streams');
}

/** Bytes written at once when all are there. */
const PIECE = 1 << 20;

/** The pieces until the signal is aborted, which ends the wait for one that never comes, too. */
async function* untilAborted<T>(pieces: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const source = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  try {
    for (;;) {
      const next = Promise.resolve(source.next());
      const { done, value } = await unlessAborted(next, signal, () => cancelled(signal, 'fs.open_upload'));
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    // Not waited for: it may be stuck.
    Promise.resolve(source.return?.()).catch(() => {});
  }
}

/** What a source delivers. */
async function content(source: ByteStream | FileSource) {
  if (source instanceof Uint8Array) {
    return slices(source);
  }
  if (typeof source === 'string') {
    await stat(source).catch((cause: Error) => {
      throw new DaytonaInvalidArgumentError(
        `Cannot read the local file: ${cause.message}`,
        undefined,
        undefined,
        undefined,
        {
          cause,
        },
      );
    });
    return createReadStream(source, { highWaterMark: PIECE });
  }
  const pieces = source as AsyncIterable<Uint8Array | string> | undefined | null;
  if (!pieces?.[Symbol.asyncIterator] && !(pieces as Iterable<string> | undefined | null)?.[Symbol.iterator]) {
    throw unusable(
      'source',
      source,
      'it must be a stream (of a Blob: its stream()), an iterable, bytes or a local path',
    );
  }
  return pieces as AsyncIterable<Uint8Array | string>;
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    yield bytes.subarray(at, at + PIECE);
  }
}
