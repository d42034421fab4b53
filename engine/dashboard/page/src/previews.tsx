// The terminal of a sandbox, and links to what it serves.

import { useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Failure, Field } from './elements.tsx';
import type { Sandbox } from './live.ts';

/** Serves the terminal. */
const TERMINAL = 22222;

/** Seconds for which a link opens a port. */
const HOUR = 3600;

interface Link {
  port: number;
  url: string;
}

export function Previews({ sandbox }: { sandbox: Sandbox }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const [links, setLinks] = useState<Link[]>([]);
  const terminal = useLoad(async () => {
    const { url, token } = await session.api<{ url: string; token: string }>(
      'GET',
      `/sandbox/${sandbox.id}/ports/${TERMINAL}/preview-url`,
    );
    // The token opens this sandbox only, and the terminal's page takes it out of the address at once.
    return `${url}/?${new URLSearchParams({ DAYTONA_SANDBOX_AUTH_KEY: token })}`;
  }, [session, sandbox.id]);
  const ports = useLoad(
    () => session.toolbox<{ ports: number[] | null }>(sandbox.id, 'GET', '/port'),
    [session, sandbox.id],
  );
  const link = (port: number) =>
    run(async () => {
      const path = `/sandbox/${sandbox.id}/ports/${port}/signed-preview-url`;
      const { url } = await session.api<Link>('GET', path, { query: { expiresInSeconds: HOUR } });
      setLinks((links) => [...links.filter((link) => link.port !== port), { port, url }]);
      return `The link to port ${port} holds for an hour.`;
    });
  return (
    <>
      <h2>Terminal</h2>
      <Failure text={terminal.error} />
      {terminal.value !== undefined && (
        <p>
          <a href={terminal.value} target="_blank" rel="noopener noreferrer">
            Open a terminal in a new tab
          </a>
        </p>
      )}
      <h2>Ports</h2>
      <Failure text={ports.error} />
      <p>
        {ports.value?.ports?.length ? 'Something listens on these ports:' : 'Nothing listens on a port yet.'}{' '}
        <button type="button" onClick={ports.reload}>
          Look again
        </button>
      </p>
      <div class="actions">
        {ports.value?.ports?.map((port) => (
          <button type="button" key={port} disabled={busy} onClick={() => link(port)}>
            Link to port {port}
          </button>
        ))}
      </div>
      <form
        class="bar"
        method="post"
        onSubmit={(event) => {
          event.preventDefault();
          void link(Number(new FormData(event.currentTarget).get('port')));
        }}
      >
        <Field label="Another port">
          {(ids) => <input {...ids} name="port" type="number" min={1} max={65535} required />}
        </Field>
        <button type="submit" disabled={busy}>
          Make a link
        </button>
      </form>
      <ul>
        {links.map(({ port, url }) => (
          <li key={port}>
            <a href={url} target="_blank" rel="noopener noreferrer">
              Open port {port}
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}
