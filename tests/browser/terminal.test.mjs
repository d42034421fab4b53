// The web terminal as a person uses it: typing, resizing, too much output, a broken connection, several at once.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { start } from './browser.mjs';

const { browser, sandbox } = await start();

/** A tab with a terminal that shows its prompt. */
async function open(context, prepare = async () => {}) {
  const page = await context.newPage();
  await prepare(page);
  const { url, token } = await sandbox.getPreviewLink(22222);
  await page.goto(`${url}/?DAYTONA_SANDBOX_AUTH_KEY=${token}`);
  assert.equal(page.url(), `${url}/`);
  await shows(page, '$');
  return page;
}

async function type(page, text) {
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

/** Waits until the terminal shows a text. Its rows are elements, where nothing is drawn on a canvas. */
async function shows(page, text) {
  await page.waitForFunction((text) => document.querySelector('.xterm-rows')?.innerText.includes(text), text);
}

test('what is typed runs, and the screen follows the window', async () => {
  const context = await browser.newContext({ viewport: { width: 900, height: 500 } });
  const page = await open(context);
  const failures = [];
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()));
  await type(page, 'echo "sum $((40 + 2))"; stty size');
  await shows(page, 'sum 42');
  const size = () => page.evaluate(() => document.querySelector('.xterm-rows').innerText.match(/^(\d+ \d+)\s*$/m)?.[1]);
  const before = await size();
  const rows = await page.locator('.xterm-rows > div').count();
  await page.setViewportSize({ width: 1200, height: 700 });
  // What is typed from then on comes behind the new size.
  await page.waitForFunction((rows) => document.querySelectorAll('.xterm-rows > div').length !== rows, rows);
  await type(page, 'clear; stty size');
  await page.waitForFunction((before) => {
    const now = document.querySelector('.xterm-rows').innerText.match(/^(\d+ \d+)\s*$/m)?.[1];
    return now !== undefined && now !== before;
  }, before);
  await type(page, "printf '\\033[1;32mgreen\\033[0m héllo 你好\\n'");
  await shows(page, 'green héllo 你好');
  mkdirSync('../../target/browser', { recursive: true });
  await page.screenshot({ path: '../../target/browser/terminal.png' });
  assert.deepEqual(failures, []);
  await context.close();
});

test('output without end neither kills the tab nor holds the keys up', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  await type(page, 'yes "as fast as it goes"');
  await shows(page, 'as fast as it goes');
  await page.waitForTimeout(2000);
  const held = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  assert.ok(held < 200 << 20, `${held} bytes`);
  await page.keyboard.press('Control+c');
  await type(page, 'clear; echo still "here"');
  await shows(page, 'still here');
  await context.close();
});

test('a broken connection is made again, and nothing that was shown is lost', async () => {
  const context = await browser.newContext();
  const connections = [];
  const page = await open(context, (page) =>
    page.routeWebSocket(/\/socket/, (connection) => {
      connection.connectToServer();
      connections.push(connection);
    }),
  );
  // Only what the shell prints is shown as one word: until then what is typed may be on its way.
  await type(page, 'echo "o""ne"; sleep 1; echo "t""wo"');
  await shows(page, 'one');
  await connections[0].close({ code: 4000, reason: 'cut' });
  await shows(page, 'two');
  assert.equal(connections.length, 2);
  // Loaded again, the page shows the same shell and what it has written.
  await page.reload();
  await shows(page, 'two');
  await type(page, 'exit 3');
  await page.waitForFunction(() => document.querySelector('#status').innerText.includes('exit code 3'));
  await page.click('#status button');
  await shows(page, '$');
  await context.close();
});

test('a large paste arrives whole', async () => {
  const context = await browser.newContext();
  const page = await open(context);
  // Before the shell has given the terminal over, a paste would be what is typed at its prompt.
  await type(page, 'stty -echo; echo "re"ady; cat > pasted');
  await shows(page, 'ready');
  const line = `${'x'.repeat(199)}\n`;
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData('text/plain', text);
    const target = document.querySelector('.xterm-helper-textarea');
    target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  }, line.repeat(1500));
  await page.keyboard.press('Control+d');
  await type(page, 'stty echo; wc -c < pasted');
  await shows(page, '300000');
  await context.close();
});

test('many tabs have terminals of their own', async () => {
  const context = await browser.newContext();
  const pages = await Promise.all(Array.from({ length: 6 }, () => open(context)));
  await Promise.all(
    pages.map((page, number) => page.bringToFront().then(() => type(page, `echo tab "num"ber ${number}`))),
  );
  for (const [number, page] of pages.entries()) {
    await shows(page, `tab number ${number}`);
  }
  await context.close();
});

test('nobody without the token gets in', async () => {
  const { url } = await sandbox.getPreviewLink(22222);
  assert.equal((await fetch(`${url}/`, { headers: { accept: 'text/html' } })).status, 401);
  await assert.rejects(sandbox.getSignedPreviewUrl(22222), /22222/);
});
