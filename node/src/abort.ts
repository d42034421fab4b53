// One listener a signal, however many calls wait for it: a program may give the same signal to all its calls.

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Waits for a promise, but no longer than until the signal is aborted: then it rejects with what `error` makes. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(error());
    }
    const forget = onAbort(signal, () => reject(error()));
    promise.then(resolve, reject).finally(forget);
  });
}

/**
 * Calls `abort` when the signal is aborted.
 *
 * @returns What takes it back.
 */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  let calls = waiting.get(signal);
  if (!calls) {
    const made = new Set<() => void>();
    signal.addEventListener(
      'abort',
      () => {
        for (const call of made) {
          call();
        }
      },
      { once: true },
    );
    waiting.set(signal, made);
    calls = made;
  }
  calls.add(abort);
  return () => calls.delete(abort);
}
