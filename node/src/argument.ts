// What is looked at before an argument is handed on: JSON and Buffer would silently turn some values into others.

import { DaytonaInvalidArgumentError } from './errors.js';

/**
 * The error for an argument that is not usable.
 *
 * @param name - What it is called.
 * @param value - What was given. Of objects only the kind is shown: their content may be secret.
 * @param way - What it must be.
 */
export function unusable(name: string, value: unknown, way: string): DaytonaInvalidArgumentError {
  const { inspect } = require('node:util') as typeof import('node:util');
  const shown = inspect(value, { depth: -1, maxStringLength: 20 });
  return new DaytonaInvalidArgumentError(`The ${name} ${shown} is not usable: ${way}.`);
}

/** Content as bytes, text as UTF-8. Bytes are not copied. */
export function bytesOf(name: string, data: Uint8Array | string): Uint8Array {
  if (typeof data === 'string') {
    return Buffer.from(data);
  }
  if (data instanceof Uint8Array) {
    return data;
  }
  throw unusable(name, data, 'it must be text or a Uint8Array (a Buffer is one)');
}
