import type { CallOptions } from './service.js';

/** A number of seconds, or all options of a call: `30` is short for `{ timeout: 30 }`. */
export type Seconds<Options> = number | (Options & CallOptions);

/** The options a last argument stands for. */
export function withTimeout<Options extends { timeout?: number }>(
  timeout: Seconds<Options> | undefined,
): { timeout?: number } & Partial<Options> & CallOptions {
  if (typeof timeout !== 'number') {
    return timeout ?? ({} as Options);
  }
  return { timeout } as Options;
}
