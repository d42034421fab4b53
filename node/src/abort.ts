// One listener a signal, however many calls wait for it: a program may give the same signal to all its calls.

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

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
