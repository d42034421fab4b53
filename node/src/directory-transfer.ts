import { frames, PROGRESS } from './frames.js';
import type { DirectoryOptions, DirectoryProgress, DirectoryResult } from './generated/models.js';
import type { CallOptions } from './service.js';
import { StreamHandle } from './stream-handle.js';

/** Options of {@link FileSystem.uploadDir} and {@link FileSystem.downloadDir}. */
export interface DirectoryTransferOptions extends DirectoryOptions, CallOptions {
  /** Takes how far the transfer has come, some ten times a second. A returned promise is waited for. */
  onProgress?: (progress: DirectoryProgress) => unknown;
}

/** A directory on its way, as the native library has it. Users see its progress and its result. */
export class DirectoryTransfer extends StreamHandle {
  /** Waits until the transfer is complete. When the handler throws, it is given up. */
  async finish(onProgress?: DirectoryTransferOptions['onProgress']): Promise<DirectoryResult> {
    for await (const batch of this.batches()) {
      for (const { tag, content } of frames(batch)) {
        if (tag === PROGRESS) {
          await onProgress?.(JSON.parse(content.toString()) as DirectoryProgress);
        }
      }
    }
    return this.result<DirectoryResult>() as DirectoryResult;
  }
}
