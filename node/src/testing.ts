/**
 * An engine of its own for tests: no account, no network, time that can be moved, faults on demand. It takes the program of
 * `@daytonaio/local`.
 *
 * @packageDocumentation
 */

import { asyncDispose } from './disposal.js';
import { Daytona, type DaytonaConfig, DaytonaError } from './index.js';

/** What decides where a client connects. */
const SELECTING = [
  'DAYTONA_API_KEY',
  'DAYTONA_API_URL',
  'DAYTONA_JWT_TOKEN',
  'DAYTONA_ORGANIZATION_ID',
  'DAYTONA_SERVER_URL',
  'DAYTONA_TARGET',
];

/** How an engine is started. */
export interface EngineOptions {
  /** Rules of faults to begin with. */
  faults?: FaultRule[];
  /** Further arguments of `daytona local serve`, for example `['--isolation', 'none']`. */
  arguments?: string[];
  /** The `daytona` program. Default: `DAYTONA_LOCAL_BINARY`, else the one of `@daytonaio/local`, else the one on `PATH`. */
  binary?: string;
}

/** What goes wrong. */
export type Fault =
  /** The connection breaks before the request is looked at, or after it was carried out. */
  | { drop: 'before' | 'after' }
  /** The request waits for so many seconds. */
  | { delay: number }
  /** Another answer is given; with `committed`, after the request was carried out. */
  | { answer: { status: number; headers?: Record<string, string>; body?: string; committed?: boolean } }
  /** The connection breaks after so many bytes of the answer behind its head. */
  | { cut: number }
  /** The next sandbox that starts takes so many seconds longer. */
  | { slowStart: number }
  /** The processes of the request's sandbox die before the request arrives. */
  | { kill: true };

/** Which requests fail. */
export interface FaultMatch {
  /** HTTP method. Default: any. */
  method?: string;
  /** Text that the request's path and query must contain. Default: any. */
  path?: string;
  /** Number of fitting requests that pass first. Default: 0. */
  skip?: number;
  /** Number of requests that fail, 0 for all. Default: 1. */
  times?: number;
}

/** A fault and the requests it is for. */
export interface FaultRule extends FaultMatch {
  /** The fault. */
  do: Fault;
}

/** Something an interval did while time was moved. */
export interface Done {
  /** When, in the engine's time. */
  at: Date;
  /** Id of the sandbox. */
  sandboxId: string;
  /** What was done to it. */
  action: 'stop' | 'pause' | 'archive' | 'delete';
}

/** What an engine can be asked for; the core knows how. */
class Control extends Daytona {
  ask<T>(what: string, argument?: unknown): Promise<T> {
    return this.invoke(`testing.${what}`, { argument });
  }
}

/** The engine's time. Programs inside sandboxes keep the machine's. */
export class Clock {
  readonly #control: Control;

  /** @internal */
  constructor(control: Control) {
    this.#control = control;
  }

  /** Returns the engine's time. */
  async now(): Promise<Date> {
    return new Date(await this.#control.ask<string>('now'));
  }

  /**
   * Moves time ahead, for intervals, times to live and tokens. Resolves when all that was due has happened.
   *
   * @param time - Seconds, or text such as `30m` or `1d12h` with the units ms, s, m, h, d. At most 10 years.
   * @returns What intervals did, oldest first.
   * @throws `DaytonaError` when `time` is not a duration.
   */
  async advance(time: string | number): Promise<Done[]> {
    type Sent = Omit<Done, 'at'> & { at: string };
    const done = await this.#control.ask<Sent[]>('advance', time);
    return done.map((each) => ({ ...each, at: new Date(each.at) }));
  }
}

/** Requests that fail. Of several rules the first one that fits a request applies, and is used up by it. */
export class Faults {
  readonly #control: Control;

  /** @internal */
  constructor(control: Control) {
    this.#control = control;
  }

  /**
   * Lets requests fail from now on.
   *
   * @param fault - The fault.
   * @param match - The requests. Default: the next one.
   * @throws `DaytonaError` when there is no such fault.
   */
  async add(fault: Fault, match: FaultMatch = {}): Promise<void> {
    await this.extend([{ do: fault, ...match }]);
  }

  /**
   * Adds rules as they are in a file for `daytona local serve --faults`.
   *
   * @param rules - The rules.
   * @throws `DaytonaError` when a rule cannot be read.
   */
  async extend(rules: FaultRule[]): Promise<void> {
    await this.#control.ask('add_faults', rules);
  }

  /** Returns the rules that are not used up. */
  async left(): Promise<FaultRule[]> {
    return await this.#control.ask('faults');
  }

  /** Lets everything succeed again. */
  async clear(): Promise<void> {
    await this.#control.ask('clear_faults');
  }
}

/**
 * An engine for this process alone, with sandboxes, a clock and faults of its own. It ends with `close`, with `await using`,
 * and with this process, however that ends; what it kept goes with it.
 */
export class Engine implements AsyncDisposable {
  /** Base URL of its API. */
  readonly apiUrl: string;
  /** Its time, which can be moved. */
  readonly clock: Clock;
  /** Requests that fail. */
  readonly faults: Faults;
  readonly #apiKey: string;
  readonly #control: Control;

  private constructor(apiUrl: string, apiKey: string) {
    this.apiUrl = apiUrl;
    this.#apiKey = apiKey;
    this.#control = new Control(this.config());
    this.clock = new Clock(this.#control);
    this.faults = new Faults(this.#control);
  }

  /**
   * Starts an engine. Resolves when it is ready.
   *
   * @param options - How to start it.
   * @throws `DaytonaConnectionError` when it cannot be started; the message has its last words.
   */
  static async start(options: EngineOptions = {}): Promise<Engine> {
    const local = new Control({ apiUrl: 'local', ...(options.binary && { localBinary: options.binary }) });
    const { apiUrl, apiKey } = await local.ask<{ apiUrl: string; apiKey: string }>('start', options.arguments);
    local.close();
    const engine = new Engine(apiUrl, apiKey);
    if (options.faults?.length) {
      await engine.faults.extend(options.faults);
    }
    return engine;
  }

  /** Returns the configuration of clients of this engine. */
  config(): DaytonaConfig {
    return { apiUrl: this.apiUrl, apiKey: this.#apiKey };
  }

  /** Returns a new client of this engine. */
  client(): Daytona {
    return new Daytona(this.config());
  }

  /**
   * Makes this engine what clients without a configuration connect to, by environment variables.
   *
   * @returns Takes that back.
   */
  select(): () => void {
    const before = SELECTING.map((name) => [name, process.env[name]] as const);
    for (const name of SELECTING) {
      delete process.env[name];
    }
    process.env.DAYTONA_API_URL = this.apiUrl;
    process.env.DAYTONA_API_KEY = this.#apiKey;
    return () => {
      for (const [name, value] of before) {
        if (value === undefined) {
          delete process.env[name];
        } else {
          process.env[name] = value;
        }
      }
    };
  }

  /**
   * Makes sandboxes to begin a test with. Resolves with their documents once they are in their states.
   *
   * @param sandboxes - What `POST /sandbox` takes, for example `{ name: 'old', state: 'archived' }`. `state` is `started` (the
   * default), `stopped`, `paused`, `archived` or `error`.
   * @throws `DaytonaError` when one of them is refused.
   */
  async seed(...sandboxes: Record<string, unknown>[]): Promise<Record<string, unknown>[]> {
    return await this.#control.ask('seed', sandboxes);
  }

  /** Deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working. */
  async reset(): Promise<void> {
    await this.#control.ask('reset');
  }

  /** Begins to record what happens to sandboxes. A recording under way begins anew. */
  async startRecording(): Promise<void> {
    await this.#control.ask('start_recording');
  }

  /**
   * Ends the recording.
   *
   * @returns It, as JSON Lines. In a file it is what an engine with the arguments `--replay FILE` answers from.
   * @throws `DaytonaError` when nothing is recorded.
   */
  async stopRecording(): Promise<string> {
    return await this.#control.ask('stop_recording');
  }

  /**
   * Returns the page that shows a recording, as HTML that needs nothing else.
   *
   * @param recording - What `stopRecording` returned.
   */
  async recordingPage(recording: string): Promise<string> {
    return await this.#control.ask('recording_page', recording);
  }

  /** Ends the engine with everything in it. */
  async close(): Promise<void> {
    await this.#control.ask('stop');
  }

  /** The same as `close`. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The hooks of `node:test`, Vitest, Jest or Mocha around all tests of a file, and around each of them. */
export interface TestHooks {
  /** Runs its argument before the first test: `before` of `node:test` and Mocha, `beforeAll` of Vitest and Jest. */
  before: (run: () => Promise<void>) => unknown;
  /** Runs its argument after the last test: `after` or `afterAll`. */
  after: (run: () => Promise<void>) => unknown;
  /** Runs its argument after each test. */
  afterEach: (run: () => Promise<void>) => unknown;
}

/**
 * Starts an engine for the tests of a file, to which clients without a configuration connect meanwhile. Each test finds it as new.
 *
 * @param hooks - The hooks of the test runner: `{ before, after, afterEach }` of `node:test`, or
 * `{ before: beforeAll, after: afterAll, afterEach }` of Vitest.
 * @param options - How to start it.
 * @returns Returns the engine; for use in tests.
 */
export function useEngine(hooks: TestHooks, options: EngineOptions = {}): () => Engine {
  let engine: Engine | undefined;
  let takeBack = () => {};
  hooks.before(async () => {
    engine = await Engine.start(options);
    takeBack = engine.select();
  });
  hooks.afterEach(async () => {
    await engine?.reset();
    await engine?.faults.extend(options.faults ?? []);
  });
  hooks.after(async () => {
    takeBack();
    await engine?.close();
  });
  return () => {
    if (!engine) {
      throw new DaytonaError('The engine is there within tests only: it starts before the first one.');
    }
    return engine;
  };
}
