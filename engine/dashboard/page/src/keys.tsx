// API keys: made, shown once, deleted.

import { useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Confirmation, Failure, Field, FormDialog, Heading, ShownOnce, Table, Time } from './elements.tsx';

interface Key {
  name: string;
  value: string;
  permissions: string[];
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
  userId: string;
}

/** What keys may permit. */
export const PERMISSIONS = [
  'write:sandboxes',
  'delete:sandboxes',
  'write:snapshots',
  'delete:snapshots',
  'read:volumes',
  'write:volumes',
  'delete:volumes',
  'write:registries',
  'delete:registries',
  'read:audit_logs',
  'read:limits',
  'manage:api_keys',
  'manage:secrets',
];

export function Keys(_: { route: string[] }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Key>();
  const [deleting, setDeleting] = useState<Key>();
  const keys = useLoad(() => session.api<Key[]>('GET', '/api-keys'), [session]);
  const remove = (key: Key) =>
    run(async () => {
      await session.api('DELETE', `/api-keys/${encodeURIComponent(key.userId)}/${encodeURIComponent(key.name)}`);
      keys.reload();
      return `Deleted the key ${key.name}.`;
    });
  return (
    <>
      <Heading title="API keys">API keys</Heading>
      <div class="bar">
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create key
        </button>
      </div>
      <Failure text={keys.error} />
      {keys.value !== undefined && (
        <Table
          caption="API keys"
          head={['Name', 'Key', 'Permissions', 'Created', 'Last used', 'Expires', 'Actions']}
          none="There are no keys but the engine’s own."
          rows={keys.value.map((key) => (
            <tr key={`${key.userId}/${key.name}`}>
              <th scope="row">{key.name}</th>
              <td>
                <code>{key.value}</code>
              </td>
              <td>{key.permissions.join(', ') || 'reading only'}</td>
              <td>
                <Time at={key.createdAt} />
              </td>
              <td>
                <Time at={key.lastUsedAt} />
              </td>
              <td>{key.expiresAt === null ? 'never' : <Time at={key.expiresAt} />}</td>
              <td>
                <button
                  type="button"
                  class="danger"
                  disabled={busy}
                  aria-label={`Delete ${key.name}`}
                  onClick={() => setDeleting(key)}
                >
                  Delete
                </button>
              </td>
            </tr>
          ))}
        />
      )}
      {creating && (
        <Create
          close={() => setCreating(false)}
          made={(key) => {
            keys.reload();
            setMade(key);
          }}
        />
      )}
      {made !== undefined && (
        <ShownOnce
          title={`The key ${made.name}`}
          label="Key"
          hint="Copy it now: it is not shown again."
          value={made.value}
          close={() => setMade(undefined)}
        />
      )}
      {deleting !== undefined && (
        <Confirmation
          title="Delete this key?"
          action="Delete"
          close={() => setDeleting(undefined)}
          confirm={() => remove(deleting)}
        >
          Programs that use {deleting.name} are refused from then on.
        </Confirmation>
      )}
    </>
  );
}

function Create({ close, made }: { close: () => void; made: (key: Key) => void }) {
  const { session } = useWorkspace();
  const make = async (form: FormData) => {
    const days = Number(form.get('days'));
    const body = {
      name: String(form.get('name')).trim(),
      permissions: form.getAll('permission'),
      expiresAt: days > 0 ? new Date(Date.now() + days * 86_400_000).toISOString() : undefined,
    };
    made(await session.api<Key>('POST', '/api-keys', { body }));
    return undefined;
  };
  return (
    <FormDialog title="Create key" close={close} make={make}>
      <Field label="Name">{(ids) => <input {...ids} name="name" required autocomplete="off" />}</Field>
      <Field label="Expires after days" hint="0 for never.">
        {(ids) => <input {...ids} name="days" type="number" min={0} step={1} value={0} required />}
      </Field>
      <fieldset>
        <legend>Permits</legend>
        {PERMISSIONS.map((permission) => (
          <label class="choice" key={permission}>
            <input type="checkbox" name="permission" value={permission} /> {permission}
          </label>
        ))}
      </fieldset>
    </FormDialog>
  );
}
