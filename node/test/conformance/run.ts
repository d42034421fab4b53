// Runs the shared cases through the public API: see tests/conformance/README.md.
//
//   npm run conformance [-- <part of a case's name> …]

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as sdk from '@daytonaio/sdk';
import {
  type CreateSandboxFromSnapshotParams,
  Daytona,
  DaytonaCancelledError,
  DaytonaError,
  type Sandbox,
} from '@daytonaio/sdk';
import { mismatch, resolve, withBytes } from './matching.js';
import { operation as operationOf } from './operations.js';

interface Step {
  op: string;
  args?: Record<string, unknown>;
  expect?: unknown;
  error?: { kind: string; status?: number; code?: string; message?: unknown };
  save?: Record<string, string>;
  cancelAfter?: number;
  cancelled?: boolean;
  input?: string[];
  pieces?: unknown[];
  detach?: boolean;
  read?: 'lines' | 'again' | 'ended' | 'closed';
  retryFor?: number;
  requests?: unknown[];
}

interface Case {
  name: string;
  sandbox?: 'shared' | 'own' | 'none';
  create?: CreateSandboxFromSnapshotParams;
  steps: Step[];
}

interface Result {
  case: string;
  ok: boolean;
  ops: string[];
  error: string | null;
}

const RUNNER = 'typescript';
/** Where requests are recorded; nothing when they are not. It must know whose requests it sees: one case at a time. */
/** Cases and results of another server than the newest. */
const runDirectory = process.env.DAYTONA_CONFORMANCE;
const recorder = process.env.DAYTONA_CONFORMANCE_RECORDER;
const CONCURRENCY = recorder ? 1 : 4;
const root = join(__dirname, '..', '..', '..');
const fixtures = join(root, 'tests', 'conformance', 'fixtures');
const wanted = process.argv.slice(2);
const daytona = new Daytona();

/** Runs a step until it does what it should; why it did not is thrown. */
async function runStep(step: Step, sandbox: Sandbox, names: Record<string, unknown>): Promise<void> {
  const retryUntil = performance.now() + (step.retryFor ?? 0) * 1000;
  for (;;) {
    const reason = await recordedAttempt(step, sandbox, names);
    if (reason === undefined) {
      return;
    }
    if (performance.now() > retryUntil) {
      throw new Error(`${step.op}: ${reason}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** An attempt whose requests are compared, where there is a recorder. */
async function recordedAttempt(step: Step, sandbox: Sandbox, names: Record<string, unknown>) {
  if (!recorder || !step.requests) {
    return attempt(step, sandbox, names);
  }
  return (
    (await tellRecorder(names, null)) ??
    (await attempt(step, sandbox, names)) ??
    (await tellRecorder(names, step.requests))
  );
}

/** Tells the recorder of a step and returns what differs. */
async function tellRecorder(known: Record<string, unknown>, requests: unknown): Promise<string | undefined> {
  const body = JSON.stringify({ runner: RUNNER, known, requests });
  const answer = await fetch(recorder as string, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  });
  return answer.ok ? undefined : answer.text();
}

async function attempt(step: Step, sandbox: Sandbox, names: Record<string, unknown>): Promise<string | undefined> {
  const operation = operationOf(step.op);
  if (!operation) {
    return 'this runner does not know the operation';
  }
  const { options = {}, ...args } = withBytes(resolve(step.args ?? {}, names)) as Record<string, never>;
  const signal = step.cancelAfter === undefined ? undefined : AbortSignal.timeout(step.cancelAfter * 1000);
  let result: unknown;
  try {
    result = await operation({
      daytona,
      sandbox,
      args,
      options: { ...(options as object), ...(signal && { signal }) },
      input: (resolve(step.input ?? [], names) ?? []) as string[],
      pieces: withBytes(resolve(step.pieces ?? [], names)) as Buffer[],
      detach: step.detach ?? false,
      read: step.read,
    });
  } catch (error) {
    if (step.cancelled) {
      return error instanceof DaytonaCancelledError ? undefined : `expected to be cancelled, got ${error}`;
    }
    return step.error ? wrongError(step.error, error, names) : String(error);
  }
  if (step.error || step.cancelled) {
    return `expected ${step.error?.kind ?? 'to be cancelled'}, got ${JSON.stringify(result)?.slice(0, 300)}`;
  }
  const reason = step.expect === undefined ? undefined : mismatch(resolve(step.expect, names), result);
  if (reason === undefined) {
    for (const [name, path] of Object.entries(step.save ?? {})) {
      names[name] = path
        .split('.')
        .reduce((at, key) => (key === '' ? at : (at as Record<string, unknown>)?.[key]), result);
    }
  }
  return reason;
}

function wrongError(expected: NonNullable<Step['error']>, error: unknown, names: Record<string, unknown>) {
  const errorClass = (sdk as unknown as Record<string, typeof DaytonaError>)[`Daytona${expected.kind}Error`];
  if (!(error instanceof (errorClass ?? DaytonaError))) {
    return `expected ${expected.kind}, got ${error}`;
  }
  const { status, code, message } = resolve(expected, names) as NonNullable<Step['error']>;
  const wanted = { ...(status && { statusCode: status }), ...(code && { code }), ...(message ? { message } : {}) };
  return mismatch(wanted, { statusCode: error.statusCode, code: error.code, message: error.message }, 'error');
}

async function runCase(name: string, item: Case, shared: Sandbox): Promise<Result> {
  const tmp = mkdtempSync(join(tmpdir(), 'daytona-conformance-'));
  const unique = randomBytes(6).toString('hex');
  const names: Record<string, unknown> = { unique, tmp, home: '/home/daytona', fixtures };
  let sandbox = shared;
  let error: string | null = null;
  try {
    if (item.sandbox === 'own') {
      sandbox = await daytona.create(resolve(item.create ?? {}, names) as CreateSandboxFromSnapshotParams);
    }
    names.sandbox = sandbox.id;
    for (const step of item.steps) {
      await runStep(step, sandbox, names);
    }
  } catch (reason) {
    error = (reason as Error).message;
  } finally {
    if (sandbox !== shared) {
      // The case may have deleted it.
      await sandbox.delete().catch(() => {});
    }
    rmSync(tmp, { recursive: true, force: true });
  }
  console.log(error === null ? `ok ${RUNNER} ${name}` : `FAILED ${RUNNER} ${name}: ${error}`);
  return { case: name, ok: error === null, ops: [...new Set(item.steps.map((step) => step.op))], error };
}

function unusedOperations(cases: [string, Case][]): string[] {
  const { services } = JSON.parse(readFileSync(join(root, 'schema', 'daytona.json'), 'utf8'));
  const used = new Set(cases.flatMap(([, { steps }]) => steps.map((step) => step.op)));
  const ids: string[] = services.flatMap((service: { ops: { id: string }[] }) => service.ops.map((op) => op.id));
  return ids.filter((id) => !used.has(id));
}

async function main(): Promise<void> {
  const directory = join(runDirectory ?? join(root, 'tests', 'conformance'), 'cases');
  const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
  const all = files.flatMap((file): [string, Case][] =>
    (JSON.parse(readFileSync(join(directory, file), 'utf8')) as Case[]).map((item) => [
      `${file.replace(/\.json$/, '')}/${item.name}`,
      item,
    ]),
  );
  const cases = all
    .filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .filter(([, item]) => !recorder || item.steps.some((step) => step.requests));
  const shared = await daytona.create({ labels: { conformance: RUNNER } });
  const results: Result[] = [];
  try {
    const queue = cases.values();
    const worker = async () => {
      for (const [name, item] of queue) {
        results.push(await runCase(name, item, shared));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  } finally {
    await shared.delete();
  }
  const failed = results.filter((result) => !result.ok).length;
  // An older server lacks some operations.
  const whole = wanted.length === 0 && process.env.DAYTONA_LOCAL_COMPAT === undefined;
  const unused = whole ? unusedOperations(all) : [];
  if (wanted.length === 0) {
    const output = runDirectory ?? join(root, 'target', 'conformance');
    const file = join(output, `${RUNNER}${recorder ? '-requests' : ''}.json`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  }
  console.log(`${results.length - failed} of ${results.length} cases passed`);
  if (unused.length > 0) {
    console.log(`FAILED ${RUNNER}: no case uses ${unused.join(', ')}`);
  }
  process.exitCode = failed > 0 || unused.length > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
