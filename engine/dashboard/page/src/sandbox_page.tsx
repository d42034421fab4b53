// One sandbox: what is known of it, its files, commands, ports and desktop.

import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Commands } from './commands.tsx';
import { useLive, useWorkspace } from './context.ts';
import { Desktop } from './desktop.tsx';
import { Failure, Guarded, Heading, State, Time } from './elements.tsx';
import { Files } from './files.tsx';
import type { Sandbox } from './live.ts';
import { Log } from './log.tsx';
import { Previews } from './previews.tsx';
import { to } from './route.ts';
import { Labels, SandboxActions } from './sandboxes.tsx';
import { inWords } from './session.ts';

type Part = FunctionComponent<{ sandbox: Sandbox }>;

/** Parts of the page; those with `running` take a started sandbox. */
const PARTS: [name: string, title: string, running: boolean, part: Part][] = [
  ['overview', 'Overview', false, Overview],
  ['files', 'Files', true, Files],
  ['commands', 'Commands', true, Commands],
  ['ports', 'Terminal and ports', true, Previews],
  ['desktop', 'Desktop', true, Desktop],
  ['build', 'Build log', false, BuildLog],
];

export function SandboxPage({ id, part }: { id: string; part: string | undefined }) {
  const live = useLive();
  const { session } = useWorkspace();
  const [error, setError] = useState<string>();
  const sandbox = live.get(id);
  // The list has no variables and no volumes.
  useEffect(() => {
    session.api<Sandbox>('GET', `/sandbox/${encodeURIComponent(id)}`).then(
      (known) => live.put(known),
      (error) => setError(inWords(error)),
    );
  }, [id, session, live]);
  if (sandbox === undefined) {
    return (
      <>
        <Heading title="Sandbox">Sandbox</Heading>
        {live.loaded ? <Failure text={error ?? 'This sandbox is gone.'} /> : <p role="status">Loading…</p>}
        <a href={to('sandboxes')}>All sandboxes</a>
      </>
    );
  }
  const [known, title, running, Part] = PARTS.find(([name]) => name === part) ?? (PARTS[0] as (typeof PARTS)[0]);
  return (
    <>
      <Heading title={sandbox.name}>{sandbox.name}</Heading>
      <div class="bar">
        <State state={sandbox.state} />
        <SandboxActions sandbox={sandbox} />
      </div>
      <nav class="parts" aria-label="Parts of the sandbox">
        {PARTS.map(([name, title]) => (
          <a key={name} href={to('sandboxes', id, name)} aria-current={name === known ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <section aria-label={title}>
        {running && sandbox.state !== 'started' ? (
          <p class="none">Start the sandbox to use this.</p>
        ) : (
          <Guarded key={known}>
            <Part sandbox={sandbox} />
          </Guarded>
        )}
      </section>
    </>
  );
}

function minutes(value: number | undefined, never: number): string {
  return value === undefined || value <= never ? 'never' : `after ${value} minutes`;
}

function Overview({ sandbox }: { sandbox: Sandbox }) {
  const deleted = sandbox.autoDeleteInterval === 0 ? 'as soon as it stops' : minutes(sandbox.autoDeleteInterval, -1);
  return (
    <>
      {sandbox.errorReason && <p class="failure">{sandbox.errorReason}</p>}
      <dl>
        <dt>Id</dt>
        <dd>
          <code>{sandbox.id}</code>
        </dd>
        <dt>Snapshot</dt>
        <dd>{sandbox.snapshot ?? '–'}</dd>
        <dt>Size</dt>
        <dd>
          {sandbox.cpu} CPU, {sandbox.memory} GiB of memory, {sandbox.disk} GiB of disk
        </dd>
        <dt>User</dt>
        <dd>{sandbox.user}</dd>
        <dt>Region</dt>
        <dd>{sandbox.target}</dd>
        <dt>Labels</dt>
        <dd>
          <Labels labels={sandbox.labels} />
        </dd>
        <dt>Variables</dt>
        <dd>{Object.keys(sandbox.env ?? {}).join(', ') || '–'}</dd>
        <dt>Volumes</dt>
        <dd>{sandbox.volumes?.map(({ mountPath }) => mountPath).join(', ') || '–'}</dd>
        <dt>Network</dt>
        <dd>{sandbox.networkBlockAll ? 'blocked' : 'allowed'}</dd>
        <dt>Previews</dt>
        <dd>{sandbox.public ? 'public' : 'for those with a link'}</dd>
        <dt>Stops</dt>
        <dd>{minutes(sandbox.autoStopInterval, 0)}</dd>
        <dt>Archived</dt>
        <dd>{minutes(sandbox.autoArchiveInterval, 0)}</dd>
        <dt>Deleted</dt>
        <dd>{deleted}</dd>
        <dt>Created</dt>
        <dd>
          <Time at={sandbox.createdAt} />
        </dd>
        <dt>Last activity</dt>
        <dd>
          <Time at={sandbox.lastActivityAt} />
        </dd>
      </dl>
    </>
  );
}

function BuildLog({ sandbox }: { sandbox: Sandbox }) {
  return <Log path={`/api/sandbox/${sandbox.id}/build-logs`} state={sandbox.state} />;
}
