// The sandboxes as they are now: a list, kept up to date by the engine's events.

import { io, type Socket } from 'socket.io-client';
import type { Session } from './session.ts';

export interface Sandbox {
  id: string;
  name: string;
  state: string;
  desiredState?: string;
  snapshot?: string;
  user: string;
  target: string;
  cpu: number;
  memory: number;
  disk: number;
  public: boolean;
  labels: Record<string, string>;
  env?: Record<string, string>;
  volumes?: { volumeId: string; mountPath: string }[];
  errorReason?: string | null;
  autoStopInterval?: number;
  autoArchiveInterval?: number;
  autoDeleteInterval?: number;
  createdAt: string;
  updatedAt: string;
  lastActivityAt?: string;
  networkBlockAll: boolean;
}

/** Sandboxes in one answer. */
const PAGE = 200;

/** Events of snapshots and volumes, after which lists are loaded again. */
const OTHERS = [
  'snapshot.created',
  'snapshot.state.updated',
  'snapshot.removed',
  'volume.created',
  'volume.state.updated',
  'volume.lastUsedAt.updated',
];

export class Live {
  #sandboxes = new Map<string, Sandbox>();
  /** Ids that events told of since a list was asked for: they know better than the list. */
  #since: Map<string, Sandbox | undefined> | undefined;
  #again = false;
  /** Ids of those that are destroyed, of which an answer may still tell otherwise. */
  readonly #gone = new Set<string>();
  readonly #listeners = new Set<() => void>();
  readonly #others = new Set<() => void>();
  readonly #socket: Socket;
  connected = false;
  loaded = false;
  failure: unknown;

  constructor(readonly session: Session) {
    this.#socket = io({
      path: '/api/socket.io/',
      transports: ['websocket'],
      auth: session.credentials(),
      // A person may belong to several organizations.
      query: { organizationId: session.organizationId },
    });
    this.#socket.on('connect', () => {
      this.connected = true;
      this.#tellOf(this.#others);
      // Events of the time without a connection are lost.
      void this.reload();
    });
    this.#socket.on('disconnect', () => {
      this.connected = false;
      this.#tell();
    });
    this.#socket.on('sandbox.created', (sandbox: Sandbox) => this.#put(sandbox));
    this.#socket.on('sandbox.state.updated', (event: { sandbox: Sandbox; newState: string }) =>
      this.#put({ ...event.sandbox, state: event.newState }),
    );
    this.#socket.on('sandbox.desired-state.updated', (event: { sandbox: Sandbox }) => this.#put(event.sandbox));
    for (const name of OTHERS) {
      this.#socket.on(name, () => this.#tellOf(this.#others));
    }
  }

  close(): void {
    this.#socket.disconnect();
    this.#listeners.clear();
    this.#others.clear();
  }

  /** Calls back whenever a sandbox changes, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back whenever a snapshot or a volume changes, likewise. */
  listenToOthers(listener: () => void): () => void {
    this.#others.add(listener);
    return () => this.#others.delete(listener);
  }

  /** All of them, the newest first. */
  all(): Sandbox[] {
    return [...this.#sandboxes.values()].sort((left, right) => right.createdAt.localeCompare(left.createdAt));
  }

  get(id: string): Sandbox | undefined {
    return this.#sandboxes.get(id);
  }

  /** Takes over what an answer tells of a sandbox. */
  put(sandbox: Sandbox): void {
    this.#put(sandbox);
  }

  /** Loads the list again. */
  async reload(): Promise<void> {
    if (this.#since !== undefined) {
      this.#again = true;
      return;
    }
    const since = new Map<string, Sandbox | undefined>();
    this.#since = since;
    try {
      const sandboxes = new Map<string, Sandbox>();
      let cursor: string | undefined;
      do {
        type Page = { items: Sandbox[]; nextCursor?: string | null };
        const page: Page = await this.session.api('GET', '/sandbox', { query: { limit: PAGE, cursor } });
        for (const item of page.items) {
          // Lists do not tell everything.
          sandboxes.set(item.id, { ...this.#sandboxes.get(item.id), ...item });
        }
        cursor = page.nextCursor || undefined;
      } while (cursor !== undefined);
      for (const [id, sandbox] of since) {
        if (sandbox === undefined) {
          sandboxes.delete(id);
        } else {
          sandboxes.set(id, sandbox);
        }
      }
      this.#sandboxes = sandboxes;
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    } finally {
      this.#since = undefined;
      this.loaded = true;
    }
    this.#tell();
    if (this.#again) {
      this.#again = false;
      await this.reload();
    }
  }

  #put(sandbox: Sandbox): void {
    const known = this.#sandboxes.get(sandbox.id);
    // An event may overtake the answer to the request that caused it.
    if (this.#gone.has(sandbox.id) || (known !== undefined && known.updatedAt > sandbox.updatedAt)) {
      return;
    }
    const gone = sandbox.state === 'destroyed';
    if (gone) {
      this.#gone.add(sandbox.id);
      this.#sandboxes.delete(sandbox.id);
    } else {
      this.#sandboxes.set(sandbox.id, sandbox);
    }
    this.#since?.set(sandbox.id, gone ? undefined : sandbox);
    this.#tell();
  }

  #tell(): void {
    this.#tellOf(this.#listeners);
  }

  #tellOf(listeners: Set<() => void>): void {
    for (const listener of listeners) {
      listener();
    }
  }
}
