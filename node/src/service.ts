import { unusable } from './argument.js';
import { type Connection, succeeded } from './connection.js';
import { SECRETS } from './generated/secrets.js';
import { hidden } from './inspection.js';
import type { Outcome } from './pump.js';

/** What every call takes besides its own options. */
export interface CallOptions {
  /** Aborts the call: it rejects with {@link DaytonaCancelledError}, and the work on the other side is stopped. */
  signal?: AbortSignal;
  /** Seconds one HTTP request of the call may take; 0 = no limit. Default: depends on the operation. */
  requestTimeout?: number;
}

/** The sandbox that the operations of a toolbox are for. */
export interface Target {
  readonly id: string;
  readonly toolboxProxyUrl: string;
}

/** A group of operations. The generated classes have a method for each. */
export abstract class Service {
  readonly #connection: Connection;
  readonly #target: Target | undefined;

  /** @internal */
  constructor(connection: Connection, target?: Target) {
    this.#connection = connection;
    this.#target = target;
  }

  /**
   * Runs an operation and returns its result.
   *
   * @param bytes - Names of the result's fields that hold bytes.
   */
  protected async invoke<T>(op: string, args: object, options?: CallOptions, bytes?: readonly string[]): Promise<T> {
    const { json, blobs } = succeeded(await this.#start(op, args, options), options?.signal, op);
    if (json === '') {
      return undefined as T;
    }
    const value = bytes
      ? JSON.parse(json, (key, value) => (typeof value === 'number' && bytes.includes(key) ? blobs[value] : value))
      : JSON.parse(json);
    const secrets = SECRETS[op];
    return (secrets ? hidden(value, secrets) : value) ?? undefined;
  }

  /** Runs an operation whose result is bytes. */
  protected async invokeForBytes(op: string, args: object, options?: CallOptions): Promise<Buffer> {
    const { blobs } = succeeded(await this.#start(op, args, options), options?.signal, op);
    return blobs[0] ?? Buffer.alloc(0);
  }

  /** Runs an operation that opens a stream. */
  protected async open<S, More extends unknown[]>(
    op: string,
    args: object,
    options: CallOptions | undefined,
    streamClass: new (outcome: Outcome, signal: AbortSignal | undefined, ...more: More) => S,
    ...more: More
  ): Promise<S> {
    const outcome = succeeded(await this.#start(op, args, options), options?.signal, op);
    return new streamClass(outcome, options?.signal, ...more);
  }

  /** Programs without types may give `null` for no options. */
  #start(op: string, args: object, given: CallOptions | null | undefined): Promise<Outcome> {
    const all = given ?? {};
    if (typeof all !== 'object') {
      throw unusable('options', given, 'they must be an object');
    }
    const { signal, requestTimeout, ...options } = all;
    const target = this.#target && { id: this.#target.id, url: this.#target.toolboxProxyUrl };
    return this.#connection.run(op, { target, requestTimeout, args: { ...args, options } }, signal);
  }
}
