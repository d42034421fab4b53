// The forms that programs are documented to use for the desktop and language servers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daytona, LspLanguageId, type Sandbox } from '@daytonaio/sdk';

const daytona = new Daytona();
let sandbox: Sandbox;
before(async () => {
  sandbox = await daytona.create({ snapshot: 'daytona-desktop' });
  await sandbox.computerUse.start();
});
after(async () => {
  await sandbox.delete();
  await daytona[Symbol.asyncDispose]();
});

test('a picture has the form that its options name', async () => {
  const options = { format: 'jpeg', quality: 50, scale: 0.5, showCursor: true };
  const small = await sandbox.computerUse.screenshot.takeCompressed(options);
  assert.deepEqual([small.width, small.height], [640, 360]);
  assert.match(small.screenshot, /^\/9j\//);
  assert.ok(small.cursorPosition);
});

test('a region is where and as large as it says', async () => {
  const { screenshot } = sandbox.computerUse;
  const region = { x: 10, y: 20, width: 300, height: 40 };
  assert.equal((await screenshot.takeRegion(region)).width, 300);
  assert.equal((await screenshot.takeRegion(region, true)).height, 40);
  const small = await screenshot.takeCompressedRegion(region, { scale: 0.5 });
  assert.deepEqual([small.width, small.height], [150, 20]);
});

test('results are objects with fields', async () => {
  const { computerUse } = sandbox;
  assert.equal((await computerUse.getStatus()).status, 'active');
  assert.equal((await computerUse.getProcessStatus('xvfb')).running, true);
  assert.equal((await computerUse.display.getInfo()).displays[0]?.width, 1280);
  assert.equal((await computerUse.mouse.move(5, 6)).y, 6);
  assert.equal((await computerUse.mouse.click(7, 8, 'right', true)).x, 7);
});

test('languages of servers are names or members of the enum', async () => {
  await sandbox.fs.uploadFile(Buffer.from('import os\nos.\n'), 'forms/main.py');
  for (const language of ['python', LspLanguageId.PYTHON]) {
    const server = await sandbox.createLspServer(language, 'forms');
    await server.start();
    const { items } = await server.completions('main.py', { line: 1, character: 3 });
    assert.ok(items.some(({ label }) => label === 'getcwd'));
    await server.stop();
  }
});
