import { expect, test } from 'vitest';
import { hello } from './hello.mjs';

test('the package runs in a worker of vitest', { timeout: 240_000 }, async () => {
  expect(await hello()).toBe('hello 3');
});
