// Commands in a sandbox, one after the other.

import { useState } from 'preact/hooks';
import { useAction, useWorkspace } from './context.ts';
import { Field } from './elements.tsx';
import type { Sandbox } from './live.ts';
import { Output, SHOWN } from './log.tsx';

export function Commands({ sandbox }: { sandbox: Sandbox }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const [output, setOutput] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const command = String(new FormData(event.currentTarget as HTMLFormElement).get('command'));
    void run(async () => {
      type Result = { exitCode: number; result: string };
      const { exitCode, result } = await session.toolbox<Result>(sandbox.id, 'POST', '/process/execute', {
        body: { command },
      });
      const end = exitCode === 0 ? '' : `[exit code ${exitCode}]\n`;
      const lines = `$ ${command}\n${result}${result === '' || result.endsWith('\n') ? '' : '\n'}${end}`;
      setOutput((before) => (before + lines).slice(-SHOWN));
      return undefined;
    });
  };
  return (
    <>
      <form method="post" onSubmit={submit}>
        <Field label="Command" hint="Each runs in a shell of its own. For programs that ask back, open a terminal.">
          {(ids) => <input {...ids} name="command" required spellcheck={false} autocomplete="off" />}
        </Field>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Running…' : 'Run'}
        </button>
      </form>
      <h2>Output</h2>
      <Output label="Output" text={output} />
    </>
  );
}
