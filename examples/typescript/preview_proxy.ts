// A preview proxy of your own: https://{port}-{sandbox}.your.domain, with your certificate and your sign-in.
//
//   DAYTONA_API_URL=local PREVIEW_DOMAIN=preview.example.com PREVIEW_PASSWORD=… \
//     TLS_CERT=cert.pem TLS_KEY=key.pem PORT=8443 npx tsx preview_proxy.ts
//
// The certificate is one for *.preview.example.com, and so is the DNS entry, which names the machine this runs on.

import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import { createServer, request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { Daytona, DaytonaNotFoundError } from '@daytonaio/sdk';

const domain = process.env.PREVIEW_DOMAIN ?? 'preview.example.com';
const password = process.env.PREVIEW_PASSWORD;
if (!password) {
  throw new Error('Set PREVIEW_PASSWORD: whoever knows it sees every preview.');
}
const daytona = new Daytona();

// region: link
/** Links are asked for once a minute: they stay the same for as long as the sandbox is there. */
const links = new Map<string, { url: URL; token: string; until: number }>();

async function linkOf(sandboxId: string, port: number): Promise<{ url: URL; token: string }> {
  const key = `${port}-${sandboxId}`;
  const known = links.get(key);
  if (known && known.until > Date.now()) {
    return known;
  }
  const sandbox = await daytona.get(sandboxId);
  const { url, token } = await sandbox.getPreviewLink(port);
  const link = { url: new URL(url), token, until: Date.now() + 60_000 };
  links.set(key, link);
  return link;
}
// endregion

/** Of a host `3000-sandbox.preview.example.com`. */
function previewOf(host: string): { sandboxId: string; port: number } | undefined {
  const [, port, sandboxId, rest] = /^(\d+)-([\w-]+)\.([^:]+)/.exec(host) ?? [];
  return sandboxId && rest === domain ? { sandboxId, port: Number(port) } : undefined;
}

/** Your sign-in goes here. This one asks for a password, which the browser then keeps. */
function maySee(headers: IncomingHttpHeaders): boolean {
  const given = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
  const shown = Buffer.from(
    given
      .slice(given.indexOf(':') + 1)
      .padEnd(200)
      .slice(0, 200),
  );
  return timingSafeEqual(shown, Buffer.from(password?.padEnd(200).slice(0, 200) ?? ''));
}

// region: forward
/** The request to the preview; the browser's own host travels as `X-Forwarded-Host`. */
async function preview(request: IncomingMessage) {
  const host = request.headers.host ?? '';
  const target = previewOf(host);
  if (!target) {
    throw new Refusal(404, `${host} is no preview. Its form is {port}-{sandbox}.${domain}.`);
  }
  if (!maySee(request.headers)) {
    throw new Refusal(401, 'Sign in to see this preview.');
  }
  const { url, token } = await linkOf(target.sandboxId, target.port);
  const { authorization: _, ...headers } = request.headers; // What signs in here is not for the program.
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const sent = send({
    hostname: url.hostname,
    port: url.port,
    path: request.url, // As it came: resolved as a URL, it could name another host.
    method: request.method,
    headers: {
      ...headers,
      host: url.host,
      'x-forwarded-host': host,
      'x-forwarded-proto': 'https',
      'x-daytona-preview-token': token,
      'x-daytona-skip-preview-warning': 'true',
      'x-daytona-disable-cors': 'true',
    },
  });
  return { sent, url, host };
}
// endregion

class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The status and text for what went wrong. */
function refusal(error: unknown): Refusal {
  if (error instanceof Refusal) {
    return error;
  }
  if (error instanceof DaytonaNotFoundError) {
    return new Refusal(404, 'There is no such sandbox.');
  }
  console.error(error);
  return new Refusal(502, 'The sandbox cannot be reached.');
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { sent, url, host } = await preview(request);
  sent.on('error', (error) => refuse(response, error));
  sent.on('response', (answered) => {
    const { location } = answered.headers;
    if (location?.startsWith(url.origin)) {
      answered.headers.location = `https://${host}${location.slice(url.origin.length)}`;
    }
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(response);
    answered.on('error', () => response.destroy());
  });
  response.on('close', () => sent.destroy());
  request.pipe(sent);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, message } = refusal(error);
  const signIn = status === 401 ? { 'www-authenticate': 'Basic realm="Previews"' } : {};
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...signIn });
  response.end(`${message}\n`);
}

/** WebSockets, with their subprotocols. */
async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const { sent } = await preview(request);
  sent.on('error', () => socket.destroy());
  sent.on('response', (refused) => {
    socket.end(`HTTP/1.1 ${refused.statusCode} ${refused.statusMessage}\r\nConnection: close\r\n\r\n`);
  });
  sent.on('upgrade', (answered, upstream, rest) => {
    const lines = answered.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []));
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.write(rest);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  sent.end();
}

const tls = {
  cert: readFileSync(process.env.TLS_CERT ?? 'cert.pem'),
  key: readFileSync(process.env.TLS_KEY ?? 'key.pem'),
};
const server = createServer(tls, (request, response) => {
  answer(request, response).catch((error) => refuse(response, error));
});
server.on('upgrade', (request, socket, head) => {
  upgrade(request, socket, head).catch((error) => {
    const { status } = refusal(error);
    socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
  });
});
server.listen(Number(process.env.PORT ?? 8443), () => {
  const address = server.address();
  console.log(`previews of ${domain} on port ${typeof address === 'object' ? address?.port : address}`);
});
