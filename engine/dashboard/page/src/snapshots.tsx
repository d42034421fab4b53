// Snapshots: what sandboxes are made from, and the logs of their builds.

import { useEffect, useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Confirmation, Failure, Field, FormDialog, Heading, State, Table, Time } from './elements.tsx';
import { Log } from './log.tsx';

interface Snapshot {
  id: string;
  name: string;
  state: string;
  general: boolean;
  imageName?: string;
  size: number | null;
  errorReason: string | null;
  createdAt: string;
  lastUsedAt: string | null;
}

export function Snapshots(_: { route: string[] }) {
  const { session, live } = useWorkspace();
  const [creating, setCreating] = useState(false);
  const [log, setLog] = useState<Snapshot>();
  const snapshots = useLoad(
    () => session.api<{ items: Snapshot[] }>('GET', '/snapshots', { query: { limit: 200 } }),
    [session],
  );
  useEffect(() => live.listenToOthers(snapshots.reload), [live, snapshots.reload]);
  return (
    <>
      <Heading title="Snapshots">Snapshots</Heading>
      <div class="bar">
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create snapshot
        </button>
      </div>
      <Failure text={snapshots.error} />
      {snapshots.value !== undefined && (
        <Table
          caption="Snapshots"
          head={['Name', 'State', 'Size', 'Created', 'Last used', 'Actions']}
          none="There are no snapshots."
          rows={snapshots.value.items.map((snapshot) => (
            <Row key={snapshot.id} snapshot={snapshot} reload={snapshots.reload} show={() => setLog(snapshot)} />
          ))}
        />
      )}
      {log !== undefined && (
        <>
          <h2>Build log of {log.name}</h2>
          <Log
            key={log.id}
            path={`/api/snapshots/${encodeURIComponent(log.id)}/build-logs`}
            state={(snapshots.value?.items.find(({ id }) => id === log.id) ?? log).state}
          />
        </>
      )}
      {creating && (
        <Create
          close={() => setCreating(false)}
          made={(snapshot) => {
            snapshots.reload();
            setLog(snapshot);
          }}
        />
      )}
    </>
  );
}

function Row({ snapshot, reload, show }: { snapshot: Snapshot; reload: () => void; show: () => void }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const [deleting, setDeleting] = useState(false);
  const path = `/snapshots/${encodeURIComponent(snapshot.id)}`;
  const change = (verb: 'activate' | 'deactivate') =>
    run(async () => {
      await session.api('POST', `${path}/${verb}`);
      reload();
      return undefined;
    });
  const remove = () =>
    run(async () => {
      await session.api('DELETE', path);
      reload();
      return `Deleted ${snapshot.name}.`;
    });
  const verb = { active: 'deactivate', inactive: 'activate' }[snapshot.state] as 'activate' | 'deactivate' | undefined;
  return (
    <tr>
      <th scope="row">{snapshot.name}</th>
      <td>
        <State state={snapshot.state} />
        {snapshot.errorReason && <small class="reason">{snapshot.errorReason}</small>}
      </td>
      <td>{snapshot.size === null ? '–' : `${snapshot.size} GB`}</td>
      <td>
        <Time at={snapshot.createdAt} />
      </td>
      <td>
        <Time at={snapshot.lastUsedAt} />
      </td>
      <td>
        <div class="actions">
          <button type="button" aria-label={`Build log of ${snapshot.name}`} onClick={show}>
            Log
          </button>
          {!snapshot.general && verb !== undefined && (
            <button type="button" disabled={busy} aria-label={`${verb} ${snapshot.name}`} onClick={() => change(verb)}>
              {verb === 'activate' ? 'Activate' : 'Deactivate'}
            </button>
          )}
          {!snapshot.general && (
            <button
              type="button"
              class="danger"
              disabled={busy}
              aria-label={`Delete ${snapshot.name}`}
              onClick={() => setDeleting(true)}
            >
              Delete
            </button>
          )}
          {deleting && (
            <Confirmation
              title="Delete this snapshot?"
              action="Delete"
              close={() => setDeleting(false)}
              confirm={remove}
            >
              No sandbox can be made from {snapshot.name} any more. Those that were stay.
            </Confirmation>
          )}
        </div>
      </td>
    </tr>
  );
}

function Create({ close, made }: { close: () => void; made: (snapshot: Snapshot) => void }) {
  const { session } = useWorkspace();
  const [kind, setKind] = useState<'image' | 'dockerfile'>('image');
  const make = async (form: FormData) => {
    const source = String(form.get('source'));
    const from = kind === 'image' ? { imageName: source } : { buildInfo: { dockerfileContent: source } };
    const name = String(form.get('name')).trim();
    made(await session.api<Snapshot>('POST', '/snapshots', { body: { name, ...from } }));
    return `${name} is being made.`;
  };
  return (
    <FormDialog title="Create snapshot" close={close} make={make}>
      <Field label="Name">{(ids) => <input {...ids} name="name" required autocomplete="off" />}</Field>
      <Field label="Made from">
        {(ids) => (
          <select {...ids} value={kind} onChange={(event) => setKind(event.currentTarget.value as typeof kind)}>
            <option value="image">An image</option>
            <option value="dockerfile">A Dockerfile</option>
          </select>
        )}
      </Field>
      {kind === 'image' ? (
        <Field label="Image" hint="With a tag, for example debian:12-slim.">
          {(ids) => <input {...ids} name="source" required spellcheck={false} />}
        </Field>
      ) : (
        <Field label="Dockerfile" hint="Files of your own take an SDK or the command line.">
          {(ids) => <textarea {...ids} name="source" rows={8} required spellcheck={false} />}
        </Field>
      )}
    </FormDialog>
  );
}
