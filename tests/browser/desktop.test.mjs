// The desktop as a person uses it in a browser: the viewer behind a preview link, a browser on the desktop itself, and the page
// of a trajectory.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { start } from './browser.mjs';

const { browser, sandbox } = await start([], { snapshot: 'daytona-desktop' });
const desktop = sandbox.computerUse;
await desktop.start();

/** Waits until something is so; the test's own limit is the end of it. */
async function until(isSo) {
  for (;;) {
    const found = await isSo();
    if (found) {
      return found;
    }
    await setTimeout(100);
  }
}

/** Opens a window and waits until what is typed goes to it. */
async function openWindow(command, title) {
  await sandbox.process.executeCommand(`${command} >/dev/null 2>&1 &`);
  const isThere = (one) => one.title.includes(title) && one.isActive;
  return until(async () => (await desktop.display.getWindows()).windows.find(isThere));
}

/** The colour in the middle of the viewer's picture. */
function middle(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('#noVNC_container canvas');
    const context = canvas?.getContext('2d');
    return context && [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3).join();
  });
}

test('the viewer shows the screen behind a preview link, and takes keys and clicks', async () => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  const { url, token } = await sandbox.getPreviewLink(6080);
  assert.equal((await page.goto(`${url}/vnc.html`)).status(), 401);
  await page.goto(`${url}/vnc.html?autoconnect=true&DAYTONA_SANDBOX_AUTH_KEY=${token}`);
  const canvas = page.locator('#noVNC_container canvas');
  await canvas.waitFor();
  await until(async () => (await canvas.evaluate((one) => [one.width, one.height])).join() === '1280,720');
  // The desktop's own background, 0x2b3e50.
  await until(async () => (await middle(page)) === '43,62,80');

  await openWindow("xterm -T typing -bg '#204060' -fg white -geometry 200x60+0+0 -e sh", 'typing');
  await until(async () => (await middle(page)) === '32,64,96');
  await canvas.click({ position: { x: 300, y: 300 } });
  await page.keyboard.type('echo "typed in a browser" > typed', { delay: 20 });
  await page.keyboard.press('Enter');
  await until(async () => (await sandbox.process.executeCommand('cat typed')).result === 'typed in a browser\n');
  await sandbox.process.executeCommand('pkill xterm');
  await until(async () => (await middle(page)) === '43,62,80');

  // The viewer follows the screen's size.
  await desktop.display.resize(1024, 768);
  await until(async () => (await canvas.evaluate((one) => [one.width, one.height])).join() === '1024,768');
  await desktop.display.resize(1280, 720);
  await context.close();
});

test('a browser on the desktop shows a page of the sandbox, and tells what is on it', async () => {
  const html = '<title>Shop</title><h1>Basket</h1><button onclick="document.title=`Bought`">Buy it</button>';
  await sandbox.fs.uploadFile(Buffer.from(html), 'site/index.html');
  await sandbox.process.spawn('cd site && exec python3 -um http.server --bind 127.0.0.1 8000');
  await sandbox.process.waitForPort(8000, 120);
  // The program itself: what starts it elsewhere reads settings of the machine, which sandboxes do not have.
  const program = '/usr/lib/chromium/chromium';
  const chromium = `${program} --no-sandbox --no-first-run --password-store=basic --disable-gpu --disable-dev-shm-usage`;
  const tree = desktop.accessibility;
  // Before a program starts: it looks once whether somebody reads the screen.
  await tree.getTree({ scope: 'all', maxDepth: 0 });
  await openWindow(`${chromium} --force-renderer-accessibility --no-proxy-server http://127.0.0.1:8000/`, 'Shop');
  const button = await until(async () => {
    const found = await tree.findNodes({ scope: 'all', role: 'push button', name: 'Buy it' });
    return found.matches[0];
  });
  const { x, y, width, height } = button.bounds;
  await desktop.mouse.click(Math.floor(x + width / 2), Math.floor(y + height / 2));
  await until(async () => (await desktop.display.getWindows()).windows.some((one) => one.title.includes('Bought')));
  await sandbox.process.executeCommand('pkill chromium');
});

test('the page of a trajectory opens by itself, with pictures, windows and nodes', async () => {
  const window = await openWindow('mousepad notes.txt', 'notes');
  const [x, y] = [window.x + Math.floor(window.width / 2), window.y + Math.floor(window.height / 2)];
  await desktop.startTrajectory({ label: 'A <b>tour</b>' });
  await desktop.mouse.click(x, y);
  await desktop.keyboard.type('</script> is only text');
  await desktop.act([{ action: 'hotkey', keys: 'ctrl+s' }]);
  const { filePath, actions } = await desktop.stopTrajectory();
  assert.equal(actions, 3);

  const directory = mkdtempSync(join(tmpdir(), 'trajectory-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'page.html');
  await sandbox.fs.downloadFile(filePath, file);
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  const failures = [];
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()));
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(pathToFileURL(file).href);
  assert.equal(await page.title(), 'A <b>tour</b>');
  assert.deepEqual(await page.locator('h2').allTextContents(), ['1. click', '2. type', '3. hotkey']);
  assert.equal(await page.locator('.details').nth(1).textContent(), 'text: </script> is only text');
  assert.match(await page.locator('.window').first().textContent(), /notes/);
  // The editor's text has the focus; at a place, programs name the node or something around it.
  assert.match(await page.locator('.node').nth(1).textContent(), /Node: text/);
  const widths = await page.locator('img').evaluateAll((all) => all.map((image) => image.naturalWidth));
  assert.deepEqual(widths, [1280, 1280, 1280, 1280, 1280, 1280]);
  assert.equal(await page.locator('.mark').count(), 1);
  assert.deepEqual(failures, []);
  await context.close();
});
