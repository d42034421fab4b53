// The preview proxy of the examples, with a domain and a certificate of its own.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { start } from './browser.mjs';

const DIRECTORY = import.meta.dirname;
const EXAMPLE = join(DIRECTORY, '../../examples/typescript/preview_proxy.ts');
const DOMAIN = 'preview.test';
const PASSWORD = 'open sesame';

// The domain is nobody's: its names are this machine.
const { browser, sandbox } = await start([`--host-resolver-rules=MAP *.${DOMAIN} 127.0.0.1`]);
await sandbox.fs.uploadDir(`${DIRECTORY}/site`, 'site');
await sandbox.fs.uploadDir(`${DIRECTORY}/node_modules`, 'site/node_modules', { exclude: ['playwright-core'] });
await sandbox.process.spawn('cd site && exec node node_modules/vite/bin/vite.js');
const directory = mkdtempSync(join(tmpdir(), 'preview-proxy-'));
after(() => rmSync(directory, { recursive: true }));
const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
const subject = ['-subj', `/CN=*.${DOMAIN}`, '-addext', `subjectAltName=DNS:*.${DOMAIN}`];
const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
const tsx = createRequire(join(DIRECTORY, '../../node/package.json')).resolve('tsx');
const proxy = spawn(process.execPath, ['--import', pathToFileURL(tsx).href, EXAMPLE], {
  env: { ...process.env, PREVIEW_DOMAIN: DOMAIN, PREVIEW_PASSWORD: PASSWORD, TLS_CERT: cert, TLS_KEY: key, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
after(() => proxy.kill());
const [line] = await once(createInterface(proxy.stdout), 'line');
const port = Number(/port (\d+)/.exec(line)[1]);
await sandbox.process.waitForPort(5173, 120);

test('a preview has a domain of its own, TLS, a sign-in and hot updates', async () => {
  const credentials = { username: 'me', password: PASSWORD };
  const context = await browser.newContext({ ignoreHTTPSErrors: true, httpCredentials: credentials });
  const page = await context.newPage();
  // Vite tells a page of changes once it has told it that they are connected.
  const connected = page.waitForEvent('websocket').then(async (socket) => {
    await socket.waitForEvent('framereceived');
    return socket;
  });
  await page.goto(`https://5173-${sandbox.id}.${DOMAIN}:${port}/`);
  await page.waitForFunction(() => document.querySelector('#message').textContent === 'first');
  assert.match((await connected).url(), /^wss:/);
  await sandbox.fs.uploadFile(Buffer.from("export const message = 'through the proxy';\n"), 'site/message.mjs');
  await page.waitForFunction(() => document.querySelector('#message').textContent === 'through the proxy');
  await context.close();
});

test('the proxy refuses whom it does not know and what is not there', async () => {
  const unknown = await browser.newContext({ ignoreHTTPSErrors: true });
  const { request } = unknown;
  const answer = await request.get(`https://127.0.0.1:${port}/`, { headers: { host: `5173-${sandbox.id}.${DOMAIN}` } });
  assert.equal(answer.status(), 401);
  const credentials = { username: 'me', password: PASSWORD };
  const known = await browser.newContext({ ignoreHTTPSErrors: true, httpCredentials: credentials });
  const other = await known.newPage();
  assert.equal((await other.goto(`https://5173-nobody.${DOMAIN}:${port}/`)).status(), 404);
  assert.equal((await other.goto(`https://nothing.${DOMAIN}:${port}/`)).status(), 404);
  assert.equal((await other.goto(`https://9-${sandbox.id}.${DOMAIN}:${port}/`)).status(), 502);
  await unknown.close();
  await known.close();
});
