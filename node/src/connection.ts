import { unusable } from './argument.js';
import { cancelled, DaytonaClosedError, type DaytonaError, errorFromEnvelope } from './errors.js';
import { type NativeClient, type NativeOutcome, native } from './native.js';
import { run } from './pump.js';

const CANCELLED = 2;
const FAILED = 1;

/** A native client: where the operations of all services go. */
export class Connection {
  #client: NativeClient | undefined;

  /**
   * @param config - The configuration of the core as a plain object.
   * @throws {@link DaytonaError} when it is not usable.
   */
  constructor(config: object) {
    const { Client } = native();
    try {
      this.#client = new Client(JSON.stringify(config));
    } catch (error) {
      throw errorFromEnvelope((error as Error).message);
    }
  }

  /** Runs an operation of the op table. Binary values may be anywhere in `params`. */
  async run(op: string, params: object, signal?: AbortSignal): Promise<NativeOutcome> {
    const client = this.#client;
    if (!client) {
      throw new DaytonaClosedError('The client has been closed.');
    }
    const blobs: Uint8Array[] = [];
    const json = JSON.stringify(detach(params, blobs));
    const outcome = await run((pump, id) => client.start(pump, id, op, json, blobs), signal);
    const error = failure(outcome, signal, op);
    if (error) {
      throw error;
    }
    return outcome;
  }

  /** Where it connects to; nothing once it has been closed. */
  get place(): { apiUrl: string; target?: string } | undefined {
    return this.#client?.place() ?? undefined;
  }

  /** Refuses further operations and lets go of the connections. Calls in flight go on. */
  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }
}

/** The error of an outcome that is none. Made where it is thrown, so that its stack leads to the caller. */
export function failure(outcome: NativeOutcome, signal?: AbortSignal, op?: string): DaytonaError | undefined {
  switch (outcome.status) {
    case FAILED:
      return errorFromEnvelope(outcome.json);
    case CANCELLED:
      return cancelled(signal, op);
    default:
      return undefined;
  }
}

/** `value` with every run of bytes put into `blobs` and replaced by its index there; refuses what JSON would turn into nothing. */
function detach(value: unknown, blobs: Uint8Array[], name = 'argument'): unknown {
  if (value instanceof Uint8Array) {
    return blobs.push(value) - 1;
  }
  if (Array.isArray(value)) {
    return value.map((item) => detach(item, blobs, name));
  }
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) {
    throw unusable(name, value, 'it must be a finite number');
  }
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw unusable(name, value, 'it is not known, or must be a value');
  }
  if (value instanceof Map || value instanceof Set) {
    throw unusable(name, value, 'it must be a plain object or an array');
  }
  if (value === null || typeof value !== 'object' || 'toJSON' in value) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, detach(item, blobs, name)]));
}
