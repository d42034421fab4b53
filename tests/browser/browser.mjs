// A browser and a sandbox for the tests of a file.

import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { Daytona } from '../../node/dist/index.mjs';

/** Debian's; `scripts/setup` installs it. */
const PROGRAM = process.env.DAYTONA_TEST_CHROMIUM ?? '/usr/bin/chromium';

/** How long a page is waited for, in milliseconds: on a busy machine everything takes long. */
const PATIENCE = 200_000;

/** Whatever a machine's proxy is, sandboxes are on this machine. */
const ARGUMENTS = ['--no-sandbox', '--no-proxy-server', '--disable-dev-shm-usage'];

/** Starts both; they end with the tests. `params` are those of the sandbox. */
export async function start(more = [], params = undefined) {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: [...ARGUMENTS, ...more] });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    context.setDefaultTimeout(PATIENCE);
    return context;
  };
  const daytona = new Daytona();
  const sandbox = await daytona.create(params);
  after(async () => {
    await browser.close();
    await sandbox.delete();
    await daytona[Symbol.asyncDispose]();
  });
  return { browser, sandbox };
}
