// Outcomes of native calls become promises.
//
// The native library queues outcomes and wakes this thread's event loop, which takes them all at once. It keeps the process
// alive exactly while calls are pending.

import { onAbort } from './abort.js';
import { unusable } from './argument.js';
import { cancelled } from './errors.js';
import { passLog } from './log.js';
import { type NativeOutcomes, type NativePump, type NativeStream, native } from './native.js';

/** How a call of the native library ended. */
export interface Outcome {
  /** 0 = done, 1 = failed, 2 = cancelled. */
  readonly status: number;
  /** The result, the error, or what is known about an opened stream; empty = nothing. */
  readonly json: string;
  /** Attachments of the result. */
  readonly blobs: readonly Buffer[];
  /** The stream the call opened. */
  readonly stream: NativeStream | undefined;
}

const NO_BLOBS: readonly Buffer[] = [];

/** Elements of the native library's array that make an outcome. */
const PARTS = 5;

class Pump {
  readonly #native: NativePump;
  readonly #pending = new Map<number, (outcome: Outcome) => void>();
  #lastId = 0;

  constructor() {
    this.#native = new (native().Pump)(() => this.#drain());
  }

  run(start: (pump: NativePump, id: number) => void, signal?: AbortSignal): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      // Before the call is started, which nothing would end otherwise.
      if (signal && typeof signal.addEventListener !== 'function') {
        reject(unusable('signal', signal, 'it must be an AbortSignal'));
        return;
      }
      if (signal?.aborted) {
        reject(cancelled(signal));
        return;
      }
      const id = this.#nextId();
      start(this.#native, id);
      this.#pending.set(id, signal ? this.#cancellable(id, signal, resolve) : resolve);
    });
  }

  #cancellable(id: number, signal: AbortSignal, resolve: (outcome: Outcome) => void): (outcome: Outcome) => void {
    const forget = onAbort(signal, () => this.#native.cancel(id));
    return (outcome) => {
      forget();
      resolve(outcome);
    };
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  #drain(): void {
    passLog();
    const outcomes = this.#native.drain();
    for (let at = 0; at < outcomes.length; at += PARTS) {
      const id = outcomes[at] as NativeOutcomes[0];
      const settle = this.#pending.get(id);
      this.#pending.delete(id);
      settle?.({
        status: outcomes[at + 1] as NativeOutcomes[1],
        json: outcomes[at + 2] as NativeOutcomes[2],
        blobs: (outcomes[at + 3] as NativeOutcomes[3]) ?? NO_BLOBS,
        stream: outcomes[at + 4] as NativeOutcomes[4],
      });
    }
  }
}

let pump: Pump | undefined;

/**
 * Starts a native call and waits for its outcome.
 *
 * @param start - Starts the call with the pump and id it is given.
 * @param signal - Cancels the call; the outcome says whether it came in time.
 */
export function run(start: (pump: NativePump, id: number) => void, signal?: AbortSignal): Promise<Outcome> {
  pump ??= new Pump();
  return pump.run(start, signal);
}
