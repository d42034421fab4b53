import type { Connection } from './connection.js';
import type { SandboxInfo } from './generated/models.js';
import { Sandbox } from './generated/sandbox.js';
import { type CallOptions, Service } from './service.js';

/** Headers of a request as servers have them. */
export type WebhookHeaders = Record<string, string | string[] | undefined> | Headers;

/** Sandboxes as programs hold them. */
export abstract class Sandboxes extends Service {
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection) {
    super(connection);
    this.#connection = connection;
  }

  /** @internal */
  protected async sandbox(op: string, args: object, options?: CallOptions): Promise<Sandbox> {
    return new Sandbox(this.#connection, await this.invoke<SandboxInfo>(op, args, options));
  }
}

/**
 * Headers by name, several of one name in one.
 *
 * @internal
 */
export function plainHeaders(headers: WebhookHeaders): Record<string, string> {
  const pairs = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const plain = pairs.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? value : value.join(' ')]],
  );
  return Object.fromEntries(plain);
}
