// People and programs with tokens of a certified OpenID provider.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { Engine } from '../../node/dist/testing.mjs';
import { start } from './browser.mjs';
import { Issuer, newKey } from './issuer.mjs';

/** How long the engine may take to learn a key, in milliseconds. */
const PATIENCE = 200_000;

const { browser } = await start();

async function engineOf(issuer) {
  const engine = await Engine.start({ arguments: ['--oidc-issuer', issuer.url, '--oidc-client-id', 'daytona-cli'] });
  after(async () => {
    await engine.close();
    await issuer.close();
  });
  return engine;
}

/** The status of a request with a token. */
async function status(engine, token) {
  const response = await fetch(`${engine.apiUrl}/sandbox`, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

/** Waits until a token is answered with a status. */
async function becomes(engine, token, expected) {
  const end = Date.now() + PATIENCE;
  while ((await status(engine, token)) !== expected) {
    assert.ok(Date.now() < end, `it is not ${expected}`);
    await new Promise((later) => setTimeout(later, 200));
  }
}

/** Seconds since 1970. */
const now = () => Math.floor(Date.now() / 1000);

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a person logs in at the issuer, in a browser, and the command line has tokens that are renewed', async () => {
  const issuer = await Issuer.start([newKey()]);
  const engine = await engineOf(issuer);
  const place = mkdtempSync(join(tmpdir(), 'login-'));
  after(() => rmSync(place, { recursive: true }));
  const env = { ...process.env, DAYTONA_CONFIG_DIR: place };
  for (const name of ['DAYTONA_API_URL', 'DAYTONA_API_KEY', 'DAYTONA_LOCAL_STATE_DIR']) {
    delete env[name];
  }
  const daytona = (...words) =>
    spawn(process.env.DAYTONA_LOCAL_BINARY, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const run = async (...words) => {
    const program = daytona(...words, '--json');
    const said = ['', ''];
    program.stdout.on('data', (text) => (said[0] += text));
    program.stderr.on('data', (text) => (said[1] += text));
    const code = await new Promise((ended) => program.on('close', ended));
    assert.equal(code, 0, `${words}: ${said}`);
    return JSON.parse(said[0]);
  };

  const login = daytona('login', '--api-url', engine.apiUrl, '--no-browser', '--callback-port', '0', '--json');
  const ended = new Promise((done) => login.on('close', done));
  let address;
  for await (const line of createInterface(login.stderr)) {
    if (line.trim().startsWith(issuer.url)) {
      address = line.trim();
      break;
    }
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address);
  await page.locator('input[name=login]').fill('ada');
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('close this page').waitFor();
  await context.close();
  assert.equal(await ended, 0);

  const profile = () => JSON.parse(readFileSync(join(place, 'profiles.json'), 'utf8')).profiles.default.login;
  const { accessToken } = profile().tokens;
  const response = await fetch(`${engine.apiUrl}/users/me`, { headers: { authorization: `Bearer ${accessToken}` } });
  const { id, email, emailVerified } = await response.json();
  assert.deepEqual({ id, email, emailVerified }, { id: 'ada', email: 'ada@example.com', emailVerified: true });
  assert.deepEqual((await run('list')).items, []);
  const [own, ...others] = await run('organization', 'list');
  assert.ok(own.personal && others.length === 0);

  // The issuer has new keys only: what it signed before counts no more, and the command line gets a new token by itself.
  issuer.use([newKey('ES256')]);
  await becomes(engine, await issuer.token(), 200);
  assert.equal(await status(engine, accessToken), 401);
  assert.deepEqual((await run('list')).items, []);
  const renewed = profile().tokens.accessToken;
  assert.notEqual(renewed, accessToken);
  assert.equal(JSON.parse(Buffer.from(renewed.split('.')[0], 'base64url')).alg, 'ES256');
  assert.equal(await status(engine, renewed), 200);
});

test('a token counts in its time, for its audience, from its issuer, by its keys', async () => {
  const keys = [newKey('PS256'), newKey('RS256')];
  const issuer = await Issuer.start(keys);
  const engine = await engineOf(issuer);
  const good = await issuer.token();
  assert.equal(await status(engine, good), 200);
  assert.equal(await status(engine, await issuer.token('urn:other')), 401, 'for another audience');

  // Another issuer, and one that has the same keys.
  for (const other of [await Issuer.start([newKey()]), await Issuer.start(keys)]) {
    after(() => other.close());
    assert.equal(await status(engine, await other.token()), 401, 'of another issuer');
  }

  // What nobody signed, and what was signed with what everybody knows.
  const [head, payload, signature] = good.split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  for (const alg of ['none', 'None', 'NONE']) {
    assert.equal(await status(engine, `${encoded({ alg, kid, typ: 'at+jwt' })}.${payload}.`), 401, alg);
    assert.equal(await status(engine, `${encoded({ alg, kid })}.${payload}.${signature}`), 401, alg);
  }
  const { kty, n, e } = keys[0];
  const pem = createPublicKey({ key: { kty, n, e }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  for (const known of [pem, n, Buffer.from(n, 'base64url')]) {
    const signed = `${encoded({ alg: 'HS256', kid, typ: 'at+jwt' })}.${payload}`;
    const forged = createHmac('sha256', known).update(signed).digest('base64url');
    assert.equal(await status(engine, `${signed}.${forged}`), 401, 'signed with the public key');
  }
  const other = encoded({ ...JSON.parse(Buffer.from(payload, 'base64url')), sub: 'somebody else' });
  assert.equal(await status(engine, `${head}.${other}.${signature}`), 401, 'changed');

  // Clocks differ by up to a minute.
  const saying = async (changes) => {
    issuer.change = (parts) => Object.assign(parts.payload, changes);
    const token = await issuer.token();
    issuer.change = () => {};
    return token;
  };
  assert.equal(await status(engine, await saying({ nbf: now() + 30 })), 200, 'the issuer is ahead');
  assert.equal(await status(engine, await saying({ nbf: now() + 3600 })), 401, 'its time has not come');
  assert.equal(await status(engine, await saying({ exp: now() - 120 })), 401, 'its time is over');
  let over;
  let begun;
  do {
    // What takes long on a busy machine says nothing.
    begun = Date.now();
    over = await status(engine, await saying({ exp: now() - 5 }));
  } while (over !== 200 && Date.now() - begun > 20_000);
  assert.equal(over, 200, 'the engine is ahead');
  await engine.clock.advance('2h');
  assert.equal(await status(engine, good), 401, 'it is over');
  await engine.reset();
  assert.equal(await status(engine, good), 200);

  // Another key is learned; what the issuer withdraws counts until then, and no more.
  const next = newKey();
  issuer.use([next, ...keys]);
  await becomes(engine, await issuer.token(), 200);
  assert.equal(await status(engine, good), 200, 'its key is still there');
  issuer.use([newKey()]);
  await becomes(engine, await issuer.token(), 200);
  assert.equal(await status(engine, good), 401, 'its key is not');
});

test('tokens count while the issuer is away', async () => {
  const issuer = await Issuer.start([newKey()]);
  const engine = await engineOf(issuer);
  const token = await issuer.token();
  assert.equal(await status(engine, token), 200);
  const [head, ...rest] = token.split('.');
  await issuer.close();
  const stranger = [encoded({ ...JSON.parse(Buffer.from(head, 'base64url')), kid: 'unknown' }), ...rest].join('.');
  assert.equal(await status(engine, stranger), 401);
  assert.equal(await status(engine, token), 200);
});
