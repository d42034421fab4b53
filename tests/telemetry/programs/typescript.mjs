// Runs a command that works and one that fails, in a span of the program's own.

import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Daytona, DaytonaNotFoundError } from '../../../node/dist/index.mjs';

const require = createRequire(join(process.env.DAYTONA_TELEMETRY_NODE, 'package.json'));
const { context, createTraceState, ROOT_CONTEXT, trace } = require('@opentelemetry/api');

// What the SDK of OpenTelemetry brings along: it keeps contexts over `await`.
class Contexts {
  #storage = new AsyncLocalStorage();
  active() {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with(active, work, self, ...args) {
    return this.#storage.run(active, () => work.apply(self, args));
  }
  bind(_, target) {
    return target;
  }
  enable() {
    return this;
  }
  disable() {
    return this;
  }
}
context.setGlobalContextManager(new Contexts());

const [traceId, spanId] = process.argv.slice(2);
const parent = { traceId, spanId, traceFlags: 1, traceState: createTraceState('vendor=1'), isRemote: true };
const daytona = new Daytona({ otelEnabled: true });
await context.with(trace.setSpanContext(ROOT_CONTEXT, parent), async () => {
  const sandbox = await daytona.create();
  await sandbox.process.executeCommand('true');
  await sandbox.fs.getFileDetails('/not/there').catch((error) => {
    if (!(error instanceof DaytonaNotFoundError)) throw error;
  });
  await sandbox.delete();
  console.log(sandbox.id);
});
// Not awaited: the process stays until what waits has been sent.
daytona.close();
