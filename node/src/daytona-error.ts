import type { ErrorDetails } from './generated/models.js';

/** Headers of an HTTP response. Names are looked up in any case. */
export class ResponseHeaders extends Map<string, string> {
  constructor(headers: Iterable<readonly [string, string]> | Record<string, string> = {}) {
    super();
    const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
    for (const [name, value] of entries as Iterable<readonly [string, string]>) {
      this.set(name, value);
    }
  }

  /** The value of the header, in any case of its name. */
  override get(name: string): string | undefined {
    return super.get(name.toLowerCase());
  }

  /** Whether there is such a header, in any case of its name. */
  override has(name: string): boolean {
    return super.has(name.toLowerCase());
  }

  override set(name: string, value: string): this {
    return super.set(name.toLowerCase(), value);
  }
}

/** What an error tells besides its message, status, headers and code. */
export interface DaytonaError extends Readonly<Omit<ErrorDetails, 'retryable' | 'cause'>> {}

/**
 * The base class of all errors of this package. Its subclasses say what went wrong; decide by `instanceof`, and by
 * {@link DaytonaError.code} where a class covers several cases.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every property of the interface
export class DaytonaError extends Error {
  /** HTTP status of the response, when there was one. */
  declare readonly statusCode?: number;
  /** Headers of the response, when there was one. */
  declare readonly headers?: ResponseHeaders;
  /** The machine-readable code of the server. */
  declare readonly code?: string;
  /** Whether the same call may succeed when repeated. */
  declare readonly retryable: boolean;
  constructor(
    message: string,
    statusCode?: number,
    headers?: Iterable<readonly [string, string]> | Record<string, string>,
    code?: string,
    details: ErrorDetails = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    const { cause: _, retryable = false, ...others } = details;
    const known = { statusCode, headers: headers && new ResponseHeaders(headers), code, ...others, retryable };
    for (const [name, value] of Object.entries(known)) {
      // What is not known is not there: it would only lengthen what consoles print.
      if (value !== undefined) {
        Object.defineProperty(this, name, { value, enumerable: name !== 'headers', configurable: true });
      }
    }
  }

  /** The same as {@link DaytonaError.code}. */
  get errorCode(): string | undefined {
    return this.code;
  }
}
