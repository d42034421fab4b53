// The list of sandboxes, live by events.

import { useState } from 'preact/hooks';
import { useAction, useLive, useWorkspace } from './context.ts';
import { CreateSandbox } from './create_sandbox.tsx';
import { Confirmation, Failure, Heading, State, Table, Time } from './elements.tsx';
import type { Sandbox } from './live.ts';
import { to } from './route.ts';
import { SandboxPage } from './sandbox_page.tsx';
import { inWords } from './session.ts';

export function Sandboxes({ route: [id, part] }: { route: string[] }) {
  return id === undefined || id === '' ? <List /> : <SandboxPage key={id} id={id} part={part} />;
}

function List() {
  const live = useLive();
  const [search, setSearch] = useState('');
  const [creating, setCreating] = useState(false);
  const all = live.all();
  const shown = all.filter((sandbox) => matches(sandbox, search));
  return (
    <>
      <Heading title="Sandboxes">Sandboxes</Heading>
      <div class="bar">
        <input
          type="search"
          aria-label="Search by name, id, state, snapshot or label"
          placeholder="Search by name, id, state, snapshot or label"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create sandbox
        </button>
      </div>
      {live.failure !== undefined && <Failure text={inWords(live.failure)} />}
      <p class="count" role="status">
        {live.loaded ? `${shown.length} of ${all.length}` : 'Loading…'}
        {live.loaded && !live.connected && ' (connecting again…)'}
      </p>
      {live.loaded && (
        <Table
          caption="Sandboxes"
          head={['Name', 'State', 'Snapshot', 'Size', 'Labels', 'Created', 'Actions']}
          rows={shown.map((sandbox) => <Row key={sandbox.id} sandbox={sandbox} />)}
          none={all.length === 0 ? 'There are no sandboxes yet.' : 'No sandbox matches the search.'}
        />
      )}
      {creating && <CreateSandbox close={() => setCreating(false)} />}
    </>
  );
}

function matches(sandbox: Sandbox, search: string): boolean {
  const labels = Object.entries(sandbox.labels).map(([name, value]) => `${name}=${value}`);
  const texts = [sandbox.name, sandbox.id, sandbox.state, sandbox.snapshot ?? '', ...labels];
  const wanted = search.trim().toLowerCase();
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function Row({ sandbox }: { sandbox: Sandbox }) {
  return (
    <tr>
      <th scope="row">
        <a href={to('sandboxes', sandbox.id)}>{sandbox.name}</a>
      </th>
      <td>
        <State state={sandbox.state} />
        {sandbox.errorReason && <small class="reason">{sandbox.errorReason}</small>}
      </td>
      <td>{sandbox.snapshot ?? '–'}</td>
      <td>
        {sandbox.cpu} CPU, {sandbox.memory} GiB, {sandbox.disk} GiB disk
      </td>
      <td>
        <Labels labels={sandbox.labels} />
      </td>
      <td>
        <Time at={sandbox.createdAt} />
      </td>
      <td>
        <SandboxActions sandbox={sandbox} />
      </td>
    </tr>
  );
}

export function Labels({ labels }: { labels: Record<string, string> }) {
  return (
    <>
      {Object.entries(labels).map(([name, value]) => (
        <bdi class="label" key={name}>
          {name}={value}
        </bdi>
      ))}
    </>
  );
}

/** Start, stop and delete, as the state allows. */
export function SandboxActions({ sandbox }: { sandbox: Sandbox }) {
  const { session, live } = useWorkspace();
  const [busy, run] = useAction();
  const [deleting, setDeleting] = useState(false);
  const path = `/sandbox/${sandbox.id}`;
  const change = (verb: string) =>
    run(async () => {
      live.put(await session.api<Sandbox>('POST', `${path}/${verb}`));
      return undefined;
    });
  const remove = () =>
    run(async () => {
      await session.api('DELETE', path);
      return `Deleted ${sandbox.name}.`;
    });
  const { state } = sandbox;
  const going = state === 'destroying' || state === 'destroyed';
  return (
    <div class="actions">
      {['stopped', 'archived', 'paused'].includes(state) && (
        <button type="button" disabled={busy} aria-label={`Start ${sandbox.name}`} onClick={() => change('start')}>
          Start
        </button>
      )}
      {state === 'started' && (
        <button type="button" disabled={busy} aria-label={`Stop ${sandbox.name}`} onClick={() => change('stop')}>
          Stop
        </button>
      )}
      <button
        type="button"
        class="danger"
        disabled={busy || going}
        aria-label={`Delete ${sandbox.name}`}
        onClick={() => setDeleting(true)}
      >
        Delete
      </button>
      {deleting && (
        <Confirmation title="Delete this sandbox?" action="Delete" close={() => setDeleting(false)} confirm={remove}>
          <bdi>{sandbox.name}</bdi> and all files in it are deleted for good.
        </Confirmation>
      )}
    </div>
  );
}
