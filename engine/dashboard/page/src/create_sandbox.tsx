// The dialog that creates a sandbox.

import { useLoad, useWorkspace } from './context.ts';
import { Field, FormDialog } from './elements.tsx';
import type { Sandbox } from './live.ts';
import { go } from './route.ts';

/** Lines `NAME=value` as an object. */
export function pairs(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      if (at < 1) {
        throw new Error(`"${line}" is not in the form NAME=value`);
      }
      return [line.slice(0, at).trim(), line.slice(at + 1)];
    }),
  );
}

export function CreateSandbox({ close }: { close: () => void }) {
  const { session, live } = useWorkspace();
  const snapshots = useLoad(
    () =>
      session.api<{ items: { id: string; name: string; state: string }[] }>('GET', '/snapshots', {
        query: { limit: 200 },
      }),
    [],
  );
  const make = async (form: FormData) => {
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const body = {
      name: text('name') || undefined,
      snapshot: text('snapshot') || undefined,
      labels: pairs(text('labels')),
      env: pairs(text('env')),
      autoStopInterval: Number(text('autoStop')),
      public: form.has('public'),
      networkBlockAll: form.has('block'),
    };
    const sandbox = await session.api<Sandbox>('POST', '/sandbox', { body });
    live.put(sandbox);
    go('sandboxes', sandbox.id);
    return `Created ${sandbox.name}.`;
  };
  return (
    <FormDialog title="Create sandbox" close={close} make={make}>
      <Field label="Name" hint="Empty for a name that is made up.">
        {(ids) => <input {...ids} name="name" autocomplete="off" />}
      </Field>
      <Field label="Snapshot">
        {(ids) => (
          <select {...ids} name="snapshot">
            <option value="">Default</option>
            {snapshots.value?.items
              .filter((snapshot) => snapshot.state === 'active')
              .map((snapshot) => (
                <option key={snapshot.id} value={snapshot.name}>
                  {snapshot.name}
                </option>
              ))}
          </select>
        )}
      </Field>
      <Field label="Labels" hint="One in a line: name=value.">
        {(ids) => <textarea {...ids} name="labels" rows={2} spellcheck={false} />}
      </Field>
      <Field label="Environment" hint="One variable in a line: NAME=value.">
        {(ids) => <textarea {...ids} name="env" rows={2} spellcheck={false} />}
      </Field>
      <Field label="Stop after minutes without activity" hint="0 for never.">
        {(ids) => <input {...ids} name="autoStop" type="number" min={0} step={1} value={15} required />}
      </Field>
      <label class="choice">
        <input type="checkbox" name="public" /> Previews are public
      </label>
      <label class="choice">
        <input type="checkbox" name="block" /> No network
      </label>
    </FormDialog>
  );
}
