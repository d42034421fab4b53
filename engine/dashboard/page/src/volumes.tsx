// Volumes: files that sandboxes share.

import { useEffect, useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Confirmation, Failure, Heading, State, Table, Time } from './elements.tsx';

interface Volume {
  id: string;
  name: string;
  state: string;
  createdAt: string;
  lastUsedAt: string | null;
}

/** Milliseconds between looks at a volume that is being deleted. */
const PAUSE = 500;

export function Volumes(_: { route: string[] }) {
  const { session, live } = useWorkspace();
  const [busy, run] = useAction();
  const [deleting, setDeleting] = useState<Volume>();
  const volumes = useLoad(() => session.api<Volume[]>('GET', '/volumes'), [session]);
  useEffect(() => live.listenToOthers(volumes.reload), [live, volumes.reload]);
  // No event tells that a volume is gone.
  const going = volumes.value?.some(({ state }) => ['pending_delete', 'deleting'].includes(state)) ?? false;
  useEffect(() => {
    if (!going) {
      return;
    }
    const timer = setInterval(volumes.reload, PAUSE);
    return () => clearInterval(timer);
  }, [going, volumes.reload]);
  const create = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = String(new FormData(form).get('name')).trim();
    void run(async () => {
      await session.api('POST', '/volumes', { body: { name } });
      form.reset();
      volumes.reload();
      return `Created ${name}.`;
    });
  };
  const remove = (volume: Volume) =>
    run(async () => {
      await session.api('DELETE', `/volumes/${encodeURIComponent(volume.id)}`);
      volumes.reload();
      return `Deleted ${volume.name}.`;
    });
  return (
    <>
      <Heading title="Volumes">Volumes</Heading>
      <form class="bar" method="post" onSubmit={create}>
        <input name="name" aria-label="Name of the new volume" placeholder="Name" required autocomplete="off" />
        <button type="submit" class="primary" disabled={busy}>
          Create volume
        </button>
      </form>
      <Failure text={volumes.error} />
      {volumes.value !== undefined && (
        <Table
          caption="Volumes"
          head={['Name', 'State', 'Created', 'Last used', 'Actions']}
          none="There are no volumes."
          rows={volumes.value.map((volume) => (
            <tr key={volume.id}>
              <th scope="row">{volume.name}</th>
              <td>
                <State state={volume.state} />
              </td>
              <td>
                <Time at={volume.createdAt} />
              </td>
              <td>
                <Time at={volume.lastUsedAt} />
              </td>
              <td>
                <button
                  type="button"
                  class="danger"
                  disabled={busy}
                  aria-label={`Delete ${volume.name}`}
                  onClick={() => setDeleting(volume)}
                >
                  Delete
                </button>
              </td>
            </tr>
          ))}
        />
      )}
      {deleting !== undefined && (
        <Confirmation
          title="Delete this volume?"
          action="Delete"
          close={() => setDeleting(undefined)}
          confirm={() => remove(deleting)}
        >
          {deleting.name} and all files in it are deleted for good.
        </Confirmation>
      )}
    </>
  );
}
