import { unusable } from './argument.js';
import type { CallOptions } from './service.js';

/** A number of seconds, or all options of a call: `30` is short for `{ timeout: 30 }`. */
export type Seconds<Options> = number | (Options & CallOptions);

/** The options a last argument stands for. */
export function withTimeout<Options extends { timeout?: number }>(
  timeout: Seconds<Options> | undefined,
): { timeout?: number } & Partial<Options> & CallOptions {
  // What is neither a number nor options would be spread into nothing, and stand for no limit.
  const given: unknown = timeout ?? {};
  if (typeof given === 'number') {
    if (!Number.isFinite(given)) {
      throw unusable('timeout', given, 'it must be a finite number of seconds, 0 for no limit');
    }
    return { timeout: given } as Options;
  }
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw unusable('timeout', given, 'it must be a number of seconds, 0 for no limit, or an object with options');
  }
  return given as Options & CallOptions;
}
