// The error classes, and how an error of the native library becomes one of them.

import { DaytonaError } from './daytona-error.js';
import {
  DaytonaCancelledError,
  DaytonaConnectionTimeoutError,
  DaytonaTimeoutError,
  errorClasses,
} from './generated/errors.js';
import type { ErrorDetails } from './generated/models.js';

export { DaytonaError, ResponseHeaders } from './daytona-error.js';
export * from './generated/errors.js';
export {
  DaytonaAuthorizationError as DaytonaForbiddenError,
  DaytonaValidationError as DaytonaBadRequestError,
} from './generated/errors.js';

for (const [kind, errorClass] of Object.entries(errorClasses)) {
  const value = kind === 'Unknown' ? 'DaytonaError' : `Daytona${kind}Error`;
  Object.defineProperty(errorClass.prototype, 'name', { value, configurable: true, writable: true });
}
// What programs look for to tell an aborted call from a failed one.
Object.defineProperty(DaytonaCancelledError.prototype, 'name', { value: 'AbortError' });

// A connection that took too long is a kind of both: `extends` names only one of them.
Object.defineProperty(DaytonaTimeoutError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    const inherits = Function.prototype[Symbol.hasInstance];
    return (
      inherits.call(this, value) ||
      (this === DaytonaTimeoutError && inherits.call(DaytonaConnectionTimeoutError, value))
    );
  },
});

/** The error envelope of the native library. */
interface ErrorInfo extends ErrorDetails {
  kind: string;
  message: string;
  status?: number;
  headers?: Record<string, string>;
  code?: string;
}

/** The error an envelope describes. A kind this version does not know becomes a {@link DaytonaError}. */
export function errorFromEnvelope(json: string): DaytonaError {
  const { kind, message, status, headers, code, ...details } = JSON.parse(json) as ErrorInfo;
  const errorClass = errorClasses[kind] ?? DaytonaError;
  return new errorClass(message, status, headers, code, details);
}

/** The error of a call that was aborted through `signal`. */
export function cancelled(signal: AbortSignal | undefined, operation?: string): DaytonaError {
  return new DaytonaCancelledError('The call was cancelled: its signal was aborted.', undefined, undefined, undefined, {
    ...(operation === undefined ? {} : { operation }),
    ...(signal?.aborted ? { cause: signal.reason } : {}),
  });
}
