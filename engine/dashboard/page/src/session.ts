// A session: the key that was given at the login, and requests with it.
//
// The key is held in this object and nowhere else. A cookie would also be sent to what sandboxes serve on other ports of the same
// host, so there is none.

/** An answer that is not what was asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Ask {
  /** Parameters of the query; those that are undefined are left out. */
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON, or as it is. */
  body?: unknown;
}

export class Session {
  readonly #key: string;
  /** Empty for a person with a token. */
  organizationId = '';
  keyName = '';
  #person = false;
  readonly #ended = new AbortController();

  private constructor(key: string) {
    this.#key = key;
  }

  /** Checks a key. */
  static async open(key: string): Promise<Session> {
    const session = new Session(key);
    try {
      const known = await session.api<{ name: string; organizationId: string }>('GET', '/api-keys/current');
      session.organizationId = known.organizationId;
      session.keyName = known.name;
    } catch (error) {
      // A person with a token has no key.
      if (!(error instanceof Refused) || error.status !== 404) {
        throw error;
      }
      session.#person = true;
      const [first] = await session.api<{ id: string }[]>('GET', '/organizations');
      session.organizationId = first?.id ?? '';
    }
    return session;
  }

  /** What the events' connection is opened with. */
  credentials(): { token: string } {
    return { token: this.#key };
  }

  /** Ends what is under way. */
  close(): void {
    this.#ended.abort();
  }

  /** A request to the engine's API. */
  async api<T>(method: Method, path: string, ask: Ask = {}): Promise<T> {
    return read<T>(await this.send(method, `/api${path}`, ask));
  }

  /** A request to the toolbox of a sandbox. */
  async toolbox<T>(sandbox: string, method: Method, path: string, ask: Ask = {}): Promise<T> {
    return read<T>(await this.send(method, `/toolbox/${encodeURIComponent(sandbox)}${path}`, ask));
  }

  /** A request whose answer the caller reads. */
  async send(method: Method, path: string, { query = {}, body }: Ask = {}): Promise<Response> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== '') {
        parameters.set(name, String(value));
      }
    }
    const headers: Record<string, string> = { authorization: `Bearer ${this.#key}`, 'x-daytona-source': 'dashboard' };
    if (this.#person && this.organizationId !== '') {
      headers['x-daytona-organization-id'] = this.organizationId;
    }
    const asItIs = body instanceof FormData || body === undefined;
    if (!asItIs) {
      headers['content-type'] = 'application/json';
    }
    const answer = await fetch(parameters.size > 0 ? `${path}?${parameters}` : path, {
      method,
      headers,
      body: asItIs ? (body as FormData | undefined) : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      signal: this.#ended.signal,
    });
    if (!answer.ok) {
      throw new Refused(answer.status, await reason(answer));
    }
    return answer;
  }
}

async function read<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function reason(answer: Response): Promise<string> {
  const text = await answer.text().catch(() => '');
  try {
    const body = JSON.parse(text) as { message?: unknown; error?: unknown };
    return String(body.message ?? body.error ?? text);
  } catch {
    return text || `${answer.status} ${answer.statusText}`;
  }
}

/** An error as a person reads it. */
export function inWords(error: unknown): string {
  if (error instanceof TypeError) {
    return 'The engine does not answer. It may have ended: start it again and reload this page.';
  }
  return error instanceof Error ? error.message : String(error);
}
