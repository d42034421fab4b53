import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as sdk from '@daytonaio/sdk';
import {
  Daytona,
  DaytonaAuthorizationError,
  DaytonaBadRequestError,
  DaytonaClosedError,
  DaytonaConnectionTimeoutError,
  DaytonaError,
  DaytonaForbiddenError,
  DaytonaInvalidArgumentError,
  DaytonaNotFoundError,
  DaytonaProcessExecutionTimeoutError,
  DaytonaRateLimitError,
  DaytonaTimeoutError,
  DaytonaUnprocessableEntityError,
  DaytonaValidationError,
} from '@daytonaio/sdk';
import { answer, clientOf, server } from './support.js';

test('an error tells all the server said', async () => {
  const url = await server((_, response) => {
    const body = { message: 'slow down', code: 'TOO_MANY', source: 'DAYTONA_API' };
    answer(response, 429, body, { 'Retry-After': '0.01', 'X-Request-Id': 'r-1' });
  });
  const error: DaytonaError = await clientOf(url)
    .get('x')
    .then(() => assert.fail('no error'))
    .catch((error) => error);
  assert.ok(error instanceof DaytonaRateLimitError && error instanceof DaytonaError && error instanceof Error);
  assert.equal(error.name, 'DaytonaRateLimitError');
  assert.equal(error.message.includes('slow down'), true);
  assert.equal(error.statusCode, 429);
  assert.equal(error.code, 'TOO_MANY');
  assert.equal(error.errorCode, 'TOO_MANY');
  assert.equal(error.source, 'DAYTONA_API');
  assert.equal(error.requestId, 'r-1');
  assert.equal(error.operation, 'sandbox.get');
  assert.equal(error.retryable, true);
  assert.equal(error.headers?.get('RETRY-AFTER'), '0.01');
});

test('the stack of an error leads to the caller', async () => {
  const url = await server((_, response) => answer(response, 404, { message: 'no such sandbox' }));
  async function theCaller() {
    await clientOf(url).get('x');
  }
  const error = await theCaller().catch((error: Error) => error);
  assert.ok(error instanceof DaytonaNotFoundError);
  assert.match(error.stack ?? '', /^DaytonaNotFoundError: no such sandbox/);
  assert.match(error.stack ?? '', /theCaller/);
});

test('an error is of its kind and of those above it', () => {
  assert.ok(DaytonaInvalidArgumentError.prototype instanceof DaytonaValidationError);
  assert.ok(DaytonaUnprocessableEntityError.prototype instanceof DaytonaValidationError);
  assert.equal(DaytonaBadRequestError, DaytonaValidationError);
  assert.equal(DaytonaForbiddenError, DaytonaAuthorizationError);
  const timeout = new DaytonaConnectionTimeoutError('late');
  assert.ok(timeout instanceof DaytonaTimeoutError);
  assert.equal(timeout instanceof DaytonaProcessExecutionTimeoutError, false);
  assert.equal(new DaytonaNotFoundError('x') instanceof DaytonaTimeoutError, false);
});

test('errors can be made the documented way', () => {
  const error = new DaytonaNotFoundError('gone', 404, { 'X-A': '1' }, 'CODE');
  assert.equal(error.statusCode, 404);
  assert.equal(error.headers?.get('x-a'), '1');
  assert.equal(error.errorCode, 'CODE');
  assert.equal(error.retryable, false);
  assert.equal('source' in error, false);
});

test('a bad argument is refused before any request', async () => {
  const daytona = clientOf('http://127.0.0.1:9');
  await assert.rejects(daytona.findOne({}), DaytonaInvalidArgumentError);
  await assert.rejects(Promise.resolve(daytona.list({ minCpu: 2 })), DaytonaInvalidArgumentError);
});

test('credentials appear neither in a client nor in its errors', async () => {
  const url = await server((_, response) => answer(response, 401, { message: 'no' }));
  const secret = 'dtn_very_secret';
  const daytona = clientOf(url, secret);
  const error = await daytona.get('x').catch((error: Error) => error);
  for (const value of [daytona, error]) {
    assert.equal(inspect(value, { depth: 10, showHidden: true }).includes(secret), false);
    assert.equal(String(JSON.stringify(value)).includes(secret), false);
  }
});

test('a client shows where it connects to, and is called what it is', () => {
  const daytona = new Daytona({ apiUrl: 'http://127.0.0.1:9/api', apiKey: 'dtn_secret', target: 'eu' });
  assert.equal(inspect(daytona), "Daytona { apiUrl: 'http://127.0.0.1:9/api', target: 'eu' }");
  daytona.close();
  assert.equal(inspect(daytona), 'Daytona { closed: true }');
  for (const [name, exported] of Object.entries(sdk)) {
    // The second names of classes.
    if (typeof exported === 'function' && /^[A-Z]/.test(name) && !/Forbidden|BadRequest/.test(name)) {
      assert.equal(exported.name, name);
    }
  }
});

test('an empty cursor ends a list', { timeout: 20_000 }, async () => {
  let requests = 0;
  const url = await server((_, response) => {
    requests += 1;
    answer(response, 200, { items: [{ id: 'a', name: 'a' }], nextCursor: requests < 2 ? 'next' : '' });
  });
  const daytona = clientOf(url);
  const names: string[] = [];
  for await (const { name } of daytona.list({})) {
    names.push(name);
  }
  daytona.close();
  assert.deepEqual({ names, requests }, { names: ['a', 'a'], requests: 2 });
});

test('a closed client refuses calls', async () => {
  const daytona = clientOf('http://127.0.0.1:9');
  daytona.close();
  daytona.close();
  await assert.rejects(daytona.get('x'), DaytonaClosedError);
});

test('a client without credentials is refused', () => {
  const env = process.env;
  process.env = {};
  try {
    assert.throws(() => new Daytona({ apiUrl: 'ftp://nowhere' }), DaytonaInvalidArgumentError);
  } finally {
    process.env = env;
  }
});
