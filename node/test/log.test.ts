// What the client does reaches a program's own logging, without secrets.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type DaytonaError, type LogLevel, type LogRecord, setLogger } from '@daytonaio/sdk';
import { answer, clientOf, server } from './support.js';

afterEach(() => setLogger());

test('requests reach the logger with method, URL, status, time and id, and no secrets', async () => {
  const url = await server((_request, response) =>
    answer(response, 404, { message: 'no such sandbox' }, { 'x-request-id': 'r-1' }),
  );
  const records: LogRecord[] = [];
  setLogger((record) => records.push(record), 'debug');
  const daytona = clientOf(url, 'sesame-key');
  const error = (await daytona.get('a-sandbox').catch((error) => error)) as DaytonaError;
  daytona.close();

  assert.equal(error.method, 'GET');
  assert.equal(error.url, `${url}/sandbox/a-sandbox`);
  const answered = records.find(({ fields }) => fields.status === 404);
  assert.ok(answered?.time instanceof Date && Date.now() - answered.time.getTime() < 60_000);
  assert.equal(answered.level, 'debug');
  const { method, url: logged, operation, requestId, durationMs } = answered.fields;
  assert.deepEqual({ method, logged, operation }, { method: 'GET', logged: error.url, operation: 'sandbox.get' });
  assert.equal(typeof durationMs, 'number');
  assert.equal(requestId, error.requestId);
  assert.doesNotMatch(JSON.stringify(records), /sesame/);
});

test('a logger gets its level, and nothing once it has been taken back', async () => {
  const url = await server((_request, response) => answer(response, 404, { message: 'no' }));
  const daytona = clientOf(url);
  const levels = new Set<LogLevel>();
  setLogger(({ level }) => levels.add(level));
  await daytona.get('a').catch(() => {});
  assert.ok(levels.has('info') && !levels.has('debug'), [...levels].join());
  levels.clear();
  setLogger();
  await daytona.get('a').catch(() => {});
  daytona.close();
  assert.equal(levels.size, 0);
});

test('a logger that throws does not break the call', async () => {
  const url = await server((_request, response) => answer(response, 200, { id: 'a', name: 'n' }));
  const warning = new Promise<Error>((done) => process.once('warning', done));
  setLogger(() => {
    throw new Error('disk full');
  }, 'debug');
  const daytona = clientOf(url);
  assert.equal((await daytona.get('a')).id, 'a');
  daytona.close();
  assert.match((await warning).message, /disk full/);
});

test('a level that does not exist is refused', () => {
  assert.throws(() => setLogger(() => {}, 'loud' as LogLevel), {
    name: 'DaytonaInvalidArgumentError',
    message: /loud/,
  });
  assert.throws(() => setLogger('debug' as unknown as () => void), { name: 'DaytonaInvalidArgumentError' });
});
