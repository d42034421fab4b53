import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import {
  CodeLanguage,
  Daytona,
  DaytonaNotFoundError,
  type Sandbox,
  SandboxListSortField,
  SandboxState,
} from '@daytonaio/sdk';

const daytona = new Daytona();
after(() => daytona.close());

test('a sandbox lives: it is created, described, stopped, started and deleted', async () => {
  const labels = { test: randomUUID() };
  const sandbox = await daytona.create(
    { language: CodeLanguage.JAVASCRIPT, labels, envVars: { A: 'b' } },
    { timeout: 60 },
  );
  try {
    assert.equal(sandbox.state, SandboxState.STARTED);
    assert.equal(sandbox.language, 'javascript');
    assert.equal((await sandbox.process.codeRun('console.log(process.env.A)')).result, 'b\n');
    assert.equal(sandbox.env.A, 'b');
    assert.ok(sandbox.cpu > 0 && sandbox.memory > 0);
    assert.equal(await sandbox.getUserHomeDir(), '/home/daytona');
    assert.ok(await sandbox.getWorkDir());
    await daytona.stop(sandbox);
    assert.equal(sandbox.state, 'stopped');
    await daytona.start(sandbox, 60);
    await sandbox.waitUntilStarted(60);
    await sandbox.refreshData();
    assert.equal(sandbox.state, 'started');
    assert.equal((await daytona.get(sandbox.id)).name, sandbox.name);
    assert.equal((await daytona.findOne({ labels })).id, sandbox.id);
    assert.equal((await daytona.findOne(sandbox.name)).id, sandbox.id);
  } finally {
    await daytona.delete(sandbox, 60);
  }
  await sandbox.waitUntilStopped(60);
  await assert.rejects(daytona.findOne({ labels }), DaytonaNotFoundError);
});

test('a sandbox is deleted at the end of its block, and one that is gone is fine', async () => {
  const sandbox = await daytona.create();
  const gone = await daytona.get(sandbox.id);
  const alike = await daytona.get(sandbox.id);
  await sandbox[Symbol.asyncDispose]();
  assert.equal(sandbox.state, SandboxState.DESTROYING);
  await alike[Symbol.asyncDispose]();
  await sandbox.waitUntilStopped(60);
  await assert.rejects(daytona.get(sandbox.id), DaytonaNotFoundError);
  await sandbox[Symbol.asyncDispose]();
  await gone[Symbol.asyncDispose]();
});

test('settings of a sandbox change it and the object', async () => {
  const sandbox = await daytona.create();
  try {
    await sandbox.setLabels({ a: 'b' });
    await sandbox.setAutostopInterval(30);
    await sandbox.setAutoArchiveInterval(60);
    await sandbox.setAutoDeleteInterval(-1);
    await sandbox.refreshActivity();
    const fresh = await daytona.get(sandbox.id);
    for (const seen of [sandbox, fresh]) {
      assert.deepEqual(seen.labels.a, 'b');
      assert.equal(seen.autoStopInterval, 30);
      assert.equal(seen.autoArchiveInterval, 60);
      assert.equal(seen.autoDeleteInterval, -1);
    }
    const link = await sandbox.getPreviewLink(3000);
    assert.ok(link.url && link.token);
    const signed = await sandbox.getSignedPreviewUrl(3000, 60);
    assert.equal(signed.port, 3000);
    await sandbox.expireSignedPreviewUrl(3000, signed.token);
  } finally {
    await sandbox.delete();
  }
});

test('a sandbox shows its data and nothing else', async () => {
  const sandbox = await daytona.create();
  try {
    assert.deepEqual(JSON.parse(JSON.stringify(sandbox)).id, sandbox.id);
    assert.match(inspect(sandbox), /state: 'started'/);
    assert.ok(/^Sandbox \{\s+id: /.test(inspect(sandbox)) && !inspect(sandbox).includes('env'), inspect(sandbox));
    assert.doesNotMatch(inspect(sandbox), /FileSystem|codeInterpreter|Connection/);
  } finally {
    await sandbox.delete();
  }
});

test('consoles show results without their secrets, which are there all the same', async () => {
  const sandbox = await daytona.create({ envVars: { PASSWORD: 'sesame' } });
  try {
    const preview = await sandbox.getPreviewLink(3000);
    const signed = await sandbox.getSignedPreviewUrl(3000);
    assert.ok(preview.token && signed.token && signed.url.includes(signed.token));
    const data = sandbox.toJSON();
    for (const secret of [preview.token, signed.token, 'sesame']) {
      const shown = inspect([preview, signed, data, sandbox], { depth: null });
      assert.ok(!shown.includes(secret), shown);
      assert.match(shown, /token: '\[secret\]'/);
      assert.ok(JSON.stringify([preview, signed, data]).includes(secret));
    }
    assert.match(inspect(preview), /sandboxId: /);
    assert.deepEqual({ ...preview }, preview);
    assert.deepEqual(Object.keys(preview).sort(), ['sandboxId', 'token', 'url']);
  } finally {
    await sandbox.delete();
  }
});

test('sandboxes are listed by a loop, by page and by part', async () => {
  const labels = { list: randomUUID() };
  const made = await Promise.all([1, 2, 3].map(() => daytona.create({ labels })));
  const ids = (sandboxes: Sandbox[]) => sandboxes.map(({ id }) => id).sort();
  try {
    const all: Sandbox[] = [];
    // By what does not change meanwhile: a list by last activity may show a sandbox again that was used.
    for await (const sandbox of daytona.list({ labels, limit: 2, sort: SandboxListSortField.CREATED_AT })) {
      all.push(sandbox);
    }
    assert.deepEqual(ids(all), ids(made));
    const page = await daytona.list(labels, 1, 2);
    assert.equal(page.items.length, 2);
    assert.equal(page.total, 3);
    assert.equal(page.totalPages, 2);
    const fromPage: Sandbox[] = [];
    for await (const sandbox of page) {
      fromPage.push(sandbox);
    }
    assert.deepEqual(ids(fromPage), ids(made));
    const parts: number[] = [];
    for await (const part of daytona.list({ labels, limit: 2, sort: SandboxListSortField.CREATED_AT }).parts()) {
      parts.push(part.items.length);
    }
    assert.deepEqual(parts, [2, 1]);
    const first = await daytona.list({ labels, states: ['started'] }).next();
    assert.equal(first.done, false);
  } finally {
    await Promise.all(made.map((sandbox) => sandbox.delete()));
  }
});
