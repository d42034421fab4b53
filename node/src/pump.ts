// Outcomes of native calls become promises.
//
// The native library queues outcomes and wakes this thread's event loop, which takes them all at once. It keeps the process
// alive exactly while calls are pending.

import { onAbort } from './abort.js';
import { unusable } from './argument.js';
import { cancelled } from './errors.js';
import { passLog } from './log.js';
import { type NativeCall, type NativeOutcome, type NativePump, native } from './native.js';

/** An outcome waited for. Holding the call keeps it going: a collected one is cancelled. */
interface Pending {
  readonly call: NativeCall;
  readonly settle: (outcome: NativeOutcome) => void;
}

class Pump {
  readonly #native: NativePump;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor() {
    this.#native = new (native().Pump)(() => this.#drain());
  }

  run(start: (pump: NativePump, id: number) => NativeCall, signal?: AbortSignal): Promise<NativeOutcome> {
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
      const call = start(this.#native, id);
      const forget = signal && onAbort(signal, () => call.cancel());
      const settle = (outcome: NativeOutcome) => {
        forget?.();
        resolve(outcome);
      };
      if (this.#pending.size === 0) {
        this.#native.hold(true);
      }
      this.#pending.set(id, { call, settle });
    });
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  #drain(): void {
    passLog();
    for (const outcome of this.#native.drain()) {
      const pending = this.#pending.get(outcome.id);
      this.#pending.delete(outcome.id);
      pending?.settle(outcome);
    }
    if (this.#pending.size === 0) {
      this.#native.hold(false);
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
export function run(start: (pump: NativePump, id: number) => NativeCall, signal?: AbortSignal): Promise<NativeOutcome> {
  pump ??= new Pump();
  return pump.run(start, signal);
}
