// The span that the caller is in, where the program has OpenTelemetry's API.
//
// The API keeps what it was given where every copy of it finds it, and so does this: it is never imported, so a program without it
// does not need it.

/** A span as it travels. */
export interface Trace {
  parent: string;
  state?: string;
}

interface SpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
  traceState?: { serialize(): string };
}

interface Api {
  context?: { active(): { getValue(key: symbol): { spanContext(): SpanContext } | undefined } };
}

// Both as version 1 of the API names them.
const API = Symbol.for('opentelemetry.js.api.1');
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN');

/** The context of the current span; nothing when the program has not loaded the API or is in no span. */
export function currentTrace(): Trace | undefined {
  const api = (globalThis as { [API]?: Api })[API];
  try {
    const context = api?.context?.active().getValue(SPAN)?.spanContext();
    if (!context) {
      return undefined;
    }
    const flags = context.traceFlags & 1 ? '01' : '00';
    return { parent: `00-${context.traceId}-${context.spanId}-${flags}`, state: context.traceState?.serialize() };
  } catch {
    // Another library's context: tracing is no reason to fail.
    return undefined;
  }
}
