import { unusable } from './argument.js';
import type { CallOptions } from './service.js';

/** A number of seconds, or all options of a call: `30` is short for `{ timeout: 30 }`. */
export type Seconds<Options> = number | (Options & CallOptions);

/**
 * The options that the last arguments of a call stand for.
 *
 * @param timeout - Seconds, or all options.
 * @param named - Options given by position. An object in the place of the first holds all options.
 */
export function withTimeout<Options>(
  timeout: Seconds<Options> | undefined,
  named: Record<string, unknown> = {},
): Options & CallOptions {
  let options: Record<string, unknown> | undefined;
  for (const name in named) {
    const value = named[name];
    if (!options && typeof value === 'object' && value !== null) {
      return value as Options & CallOptions;
    }
    options ??= { ...seconds(timeout ?? {}) };
    options[name] = value ?? options[name];
  }
  return (options ?? seconds(timeout ?? {})) as Options & CallOptions;
}

/** What is neither a number nor options would be spread into nothing, and stand for no limit. */
function seconds(given: unknown): object {
  if (typeof given === 'number') {
    if (!Number.isFinite(given)) {
      throw unusable('timeout', given, 'it must be a finite number of seconds, 0 for no limit');
    }
    return { timeout: given };
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw unusable('timeout', given, 'it must be a number of seconds, 0 for no limit, or an object with options');
  }
  return given;
}
