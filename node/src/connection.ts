import { unusable } from './argument.js';
import { cancelled, DaytonaClosedError, errorFromEnvelope } from './errors.js';
import { type NativeClient, native } from './native.js';
import { type Outcome, run } from './pump.js';
import { currentTrace } from './trace.js';

const CANCELLED = 2;
const FAILED = 1;

/** A native client: where the operations of all services go. */
export class Connection {
  #client: NativeClient | undefined;
  readonly #traced: boolean;

  /**
   * @param config - The configuration of the core as a plain object.
   * @throws {@link DaytonaError} when it is not usable.
   */
  constructor(config: object) {
    const { Client } = native();
    try {
      this.#client = new Client(JSON.stringify(config));
      this.#traced = this.#client.traced;
    } catch (error) {
      throw errorFromEnvelope((error as Error).message);
    }
  }

  /** Starts an operation of the op table. Binary values may be anywhere in `params`. */
  run(op: string, params: object, signal?: AbortSignal): Promise<Outcome> {
    const client = this.#client;
    if (!client) {
      throw new DaytonaClosedError('The client has been closed.');
    }
    const blobs: Uint8Array[] = [];
    const traced = this.#traced ? { ...params, trace: currentTrace() } : params;
    const json = JSON.stringify(detach(traced, blobs));
    return run((pump, id) => client.start(pump, id, op, json, blobs.length > 0 ? blobs : undefined), signal);
  }

  /** Sends the telemetry that waits, if there is any. Keeps the process alive as long. */
  async flush(): Promise<void> {
    const client = this.#client;
    if (client && this.#traced) {
      await run((pump, id) => client.start(pump, id, 'client.flush', ''));
    }
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

/** The outcome of a call that has succeeded. Its error is made where it is thrown, so that the stack leads to the caller. */
export function succeeded(outcome: Outcome, signal?: AbortSignal, op?: string): Outcome {
  switch (outcome.status) {
    case FAILED:
      throw errorFromEnvelope(outcome.json);
    case CANCELLED:
      throw cancelled(signal, op);
    default:
      return outcome;
  }
}

/**
 * `value` with every run of bytes put into `blobs` and replaced by its index there; refuses what JSON would turn into nothing.
 * Copied is only what changes.
 */
function detach(value: unknown, blobs: Uint8Array[], name = 'argument'): unknown {
  switch (typeof value) {
    case 'bigint':
      throw unusable(name, value, 'it must be a finite number');
    case 'number':
      if (!Number.isFinite(value)) {
        throw unusable(name, value, 'it must be a finite number');
      }
      return value;
    case 'function':
    case 'symbol':
      throw unusable(name, value, 'it is not known, or must be a value');
    case 'object':
      return value && detachObject(value, blobs, name);
    default:
      return value;
  }
}

function detachObject(value: object, blobs: Uint8Array[], name: string): unknown {
  if (value instanceof Uint8Array) {
    return blobs.push(value) - 1;
  }
  if (Array.isArray(value)) {
    return value.map((item) => detach(item, blobs, name));
  }
  if (value instanceof Map || value instanceof Set) {
    throw unusable(name, value, 'it must be a plain object or an array');
  }
  if ('toJSON' in value) {
    return value;
  }
  let changed: Record<string, unknown> | undefined;
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    const detached = detach(item, blobs, key);
    if (detached !== item) {
      changed ??= { ...value };
      changed[key] = detached;
    }
  }
  return changed ?? value;
}
