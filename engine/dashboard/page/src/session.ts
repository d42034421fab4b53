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

export interface Organization {
  id: string;
  name: string;
}

export class Session {
  readonly #key: string;
  /** Those that can be chosen; none for a key that was created, which belongs to one. */
  readonly organizations: readonly Organization[];
  readonly organizationId: string;
  readonly #ended = new AbortController();

  private constructor(key: string, organizationId: string, organizations: readonly Organization[]) {
    this.#key = key;
    this.organizationId = organizationId;
    this.organizations = organizations;
  }

  /** Checks a key. */
  static async open(key: string): Promise<Session> {
    const first = new Session(key, '', []);
    let organizationId = '';
    try {
      const known = await first.api<{ organizationId: string }>('GET', '/api-keys/current');
      organizationId = known.organizationId;
    } catch (error) {
      // A person with a token has no key.
      if (!(error instanceof Refused) || error.status !== 404) {
        throw error;
      }
    }
    const organizations = await first.#mine(organizationId);
    return new Session(key, organizationId || (organizations[0]?.id ?? ''), organizations);
  }

  /** The same key with another organization. */
  of(organizationId: string): Session {
    return new Session(this.#key, organizationId, this.organizations);
  }

  /** The organizations of whoever has the key. The engine's own key asks as a person does, by naming one. */
  async #mine(organizationId: string): Promise<Organization[]> {
    const asking = new Session(this.#key, organizationId, [{ id: organizationId, name: '' }]);
    try {
      return await asking.api<Organization[]>('GET', '/organizations');
    } catch (error) {
      // Keys that were created are for programs.
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
        return [];
      }
      throw error;
    }
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
    if (this.organizations.length > 0 && this.organizationId !== '') {
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
