import { frames, LINE } from './frames.js';
import type { BuildLine } from './generated/models.js';
import { StreamHandle } from './stream-handle.js';

/**
 * A build under way, as the native library has it: the lines of its log, and what it makes.
 *
 * @internal
 */
export class BuildStream extends StreamHandle {
  /** The lines until the end. Leaving the loop gives the build up. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    for await (const batch of this.batches()) {
      for (const { tag, content } of frames(batch)) {
        if (tag === LINE) {
          yield (JSON.parse(content.toString()) as BuildLine).text;
        }
      }
    }
  }

  /** Waits until the build is complete. When the handler throws, it is given up. A returned promise is waited for. */
  async finish<Result>(onLogs?: (chunk: string) => unknown): Promise<Result> {
    for await (const line of this.lines()) {
      await onLogs?.(line);
    }
    return this.result<Result>() as Result;
  }
}
