// Changes of sandboxes as they happen.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { useEngine } from '@daytonaio/sdk/testing';

const engine = useEngine({ before, after, afterEach });

test('changes are iterated over, from a position on and from the beginning of the iteration on', async () => {
  const daytona = engine().client();
  const sandbox = await daytona.create();
  const events = daytona.events({ sandboxId: sandbox.id });
  // The iteration begins now.
  const first = events.next();
  let position = await daytona.beginEvents();
  await sandbox.stop();
  const told: unknown[] = [];
  while (!told.includes('stopped')) {
    const found = await daytona.pollEvents({ position, sandboxId: sandbox.id });
    told.push(...found.events.map(({ state }) => state));
    position = found.position;
  }
  assert.deepEqual(
    told.filter((state) => state === 'stopping' || state === 'stopped'),
    ['stopping', 'stopped'],
  );
  assert.equal((await first).value.sandboxId, sandbox.id);
  for await (const event of events) {
    assert.equal(event.name, sandbox.name);
    if (event.state === 'stopped') {
      break;
    }
  }
  const stops = sandbox.on('stopped');
  const stop = stops.next();
  await sandbox.start();
  const stopping = sandbox.stop();
  const { value } = await stop;
  assert.deepEqual([value.sandboxId, value.state, value.cause], [sandbox.id, 'stopped', 'request']);
  await stopping;
  daytona.close();
});
