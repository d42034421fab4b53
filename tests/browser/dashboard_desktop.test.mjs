// The desktop of a sandbox in the dashboard: started, looked at, clicked, typed into and stopped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { start } from './browser.mjs';
import { isAccessible, logIn } from './dashboard.mjs';

const { browser, sandbox } = await start([], { snapshot: 'daytona-desktop' });

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

test('the desktop is started, shown, clicked, typed into and stopped', async () => {
  const { context, page, failures } = await logIn(browser);
  await page.getByRole('link', { name: sandbox.name, exact: true }).click();
  await page.getByRole('heading', { name: sandbox.name, level: 1 }).waitFor();
  await page.getByRole('link', { name: 'Desktop', exact: true }).click();
  await page.getByRole('button', { name: 'Start the desktop' }).click();
  const screen = page.getByRole('img', { name: `The screen of ${sandbox.name}` });
  await screen.waitFor();
  await until(() => screen.evaluate((image) => image.naturalWidth === 1280 && image.naturalHeight === 720));
  await isAccessible(page);

  // A click in the picture is one at the same place of the screen.
  const desktop = sandbox.computerUse;
  const box = await screen.boundingBox();
  await screen.click({ position: { x: box.width / 4, y: box.height / 2 } });
  await until(async () => {
    const { x, y } = await desktop.mouse.getPosition();
    return Math.abs(x - 320) <= 2 && Math.abs(y - 360) <= 2;
  });

  const terminal = 'xterm -T typing -geometry 200x60+0+0 -e sh';
  await sandbox.process.executeCommand(`${terminal} >/dev/null 2>&1 &`);
  const isThere = (one) => one.title.includes('typing') && one.isActive;
  await until(async () => (await desktop.display.getWindows()).windows.some(isThere));
  await screen.click({ position: { x: box.width / 4, y: box.height / 2 } });
  await page.getByLabel('Text to type').fill('echo "typed in the dashboard" > typed');
  await page.getByRole('button', { name: 'Type', exact: true }).click();
  // The field is empty again when the desktop has the text.
  await until(async () => (await page.getByLabel('Text to type').inputValue()) === '');
  await page.getByRole('button', { name: 'Return' }).click();
  await until(async () => (await sandbox.process.executeCommand('cat typed')).result === 'typed in the dashboard\n');

  assert.deepEqual(failures, []);
  // A picture that is under way fails when the desktop ends.
  await page.getByRole('button', { name: 'Stop the desktop' }).click();
  await page.getByRole('button', { name: 'Start the desktop' }).waitFor();
  await screen.waitFor({ state: 'detached' });
  await context.close();
});
