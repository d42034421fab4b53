// Signals that would end the process at once wait for what cleans up after itself.

import { onAbort } from './abort.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

const underWay = new Set<AbortController>();
let received: NodeJS.Signals | undefined;

/**
 * Runs what cleans up after itself when it is aborted. A signal that nobody else listens to aborts it, and ends the process
 * afterwards; a program that listens decides by itself.
 *
 * @param work - Is given the signal to pass on.
 * @param undo - Undoes its result, which nobody sees any more when the process ends.
 * @param given - The caller's signal, which aborts the work too.
 */
export async function cleansUp<T>(
  work: (signal: AbortSignal) => Promise<T>,
  undo: (result: T) => Promise<unknown>,
  given?: AbortSignal,
): Promise<T> {
  if (given && (given.aborted || typeof given.addEventListener !== 'function')) {
    return await work(given);
  }
  const controller = new AbortController();
  const forget = given && onAbort(given, () => controller.abort(given.reason));
  enter(controller);
  try {
    const result = await work(controller.signal);
    if (received) {
      await undo(result);
    }
    return result;
  } finally {
    forget?.();
    leave(controller);
  }
}

function enter(controller: AbortController): void {
  if (underWay.size === 0) {
    for (const signal of SIGNALS) {
      process.on(signal, interrupt);
    }
  }
  underWay.add(controller);
}

function leave(controller: AbortController): void {
  underWay.delete(controller);
  if (underWay.size > 0) {
    return;
  }
  for (const signal of SIGNALS) {
    process.off(signal, interrupt);
  }
  const signal = received;
  received = undefined;
  if (signal && process.listenerCount(signal) === 0) {
    process.kill(process.pid, signal);
  }
}

function interrupt(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) {
    return;
  }
  received = signal;
  for (const controller of underWay) {
    controller.abort(new Error(`The process received ${signal}.`));
  }
}
