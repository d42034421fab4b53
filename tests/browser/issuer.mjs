// A certified OpenID provider (the package oidc-provider) on this machine: its pages, its tokens, its keys.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

/** Resources, and the audiences of tokens for them. */
const AUDIENCES = { 'urn:daytona': 'daytona', 'urn:other': 'other' };

/** A client that gets tokens without a person. */
const ROBOT = { client_id: 'robot', client_secret: 'the secret of a robot' };

/** A key that signs. */
export function newKey(algorithm = 'RS256') {
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: algorithm };
}

/** What issuers with other keys remember, too: the provider's own memory ends with it. */
class Memory {
  static #kept = new Map();
  #kind;

  constructor(kind) {
    this.#kind = kind;
  }

  #key = (id) => `${this.#kind}:${id}`;

  async upsert(id, payload) {
    Memory.#kept.set(this.#key(id), payload);
  }

  async find(id) {
    return Memory.#kept.get(this.#key(id));
  }

  async findByUid(uid) {
    return [...Memory.#kept].find(([key, { uid: own }]) => key.startsWith(`${this.#kind}:`) && own === uid)?.[1];
  }

  async consume(id) {
    (await this.find(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    Memory.#kept.delete(this.#key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of Memory.#kept) {
      if (payload.grantId === grantId) {
        Memory.#kept.delete(key);
      }
    }
  }
}

/** An issuer. `change` may change what tokens say before they are signed. */
export class Issuer {
  #server;
  #provider;
  url;
  keys;
  change = () => {};

  static async start(keys) {
    const issuer = new Issuer();
    issuer.#server = createServer((request, response) => issuer.#provider.callback()(request, response));
    await new Promise((listening) => issuer.#server.listen(0, '127.0.0.1', listening));
    issuer.url = `http://127.0.0.1:${issuer.#server.address().port}`;
    issuer.use(keys);
    return issuer;
  }

  /** Signs with the first of these keys from now on, and knows no others. What it remembers of people stays. */
  use(keys) {
    this.keys = keys;
    this.#provider = new Provider(this.url, {
      clients: [
        {
          client_id: 'daytona-cli',
          application_type: 'native',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          redirect_uris: ['http://localhost/callback'],
        },
        { ...ROBOT, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
      ],
      // Tokens of people are signed as the first key is.
      clientDefaults: { id_token_signed_response_alg: keys[0].alg },
      jwks: { keys },
      adapter: Memory,
      cookies: { keys: ['of this test'] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      issueRefreshToken: () => true,
      extraTokenClaims: (_, { accountId }) =>
        accountId && { name: accountId.toUpperCase(), email: `${accountId}@example.com`, email_verified: true },
      formats: { customizers: { jwt: (_, __, parts) => this.change(parts) } },
      features: {
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:daytona',
          useGrantedResource: () => true,
          getResourceServerInfo: (_, resource) => ({
            scope: '',
            audience: AUDIENCES[resource],
            accessTokenFormat: 'jwt',
            accessTokenTTL: 3600,
            jwt: { sign: { alg: keys[0].alg } },
          }),
        },
      },
    });
  }

  async #ask(form) {
    const response = await fetch(`${this.url}/token`, { method: 'POST', body: new URLSearchParams(form) });
    const answer = await response.json();
    if (!response.ok) {
      throw new Error(JSON.stringify(answer));
    }
    return answer;
  }

  /** A new token of the robot. */
  async token(resource = 'urn:daytona') {
    return (await this.#ask({ ...ROBOT, grant_type: 'client_credentials', resource })).access_token;
  }

  async close() {
    if (!this.#server.listening) {
      return;
    }
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
