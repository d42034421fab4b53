// The playground: parameters, the program for them, and what it does here.

import { useId, useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { pairs } from './create_sandbox.tsx';
import { Failure, Field, Heading } from './elements.tsx';
import type { Sandbox } from './live.ts';
import { Output } from './log.tsx';
import { LANGUAGES, type Language, type Parameters, program } from './programs.ts';
import { inWords, type Session } from './session.ts';

/** Says in which language `code_run` runs code (contract). */
const LANGUAGE_LABEL = 'code-toolbox-language';

/** Milliseconds between looks at a sandbox that starts. */
const PAUSE = 500;

const CODE = 'import platform\n\nprint("hello from", platform.node())\n';

const STARTED: Fields = {
  name: '',
  snapshot: '',
  language: 'python',
  labels: '',
  env: '',
  autoStop: '',
  blockNetwork: false,
  isCode: true,
  text: CODE,
};

interface Fields {
  name: string;
  snapshot: string;
  language: string;
  labels: string;
  env: string;
  autoStop: string;
  blockNetwork: boolean;
  isCode: boolean;
  text: string;
}

function read(fields: Fields): Parameters {
  return {
    ...fields,
    name: fields.name.trim(),
    labels: pairs(fields.labels),
    env: pairs(fields.env),
    autoStop: fields.autoStop === '' ? undefined : Number(fields.autoStop),
  };
}

/** Does what the program does, and tells its steps. */
async function perform(session: Session, parameters: Parameters, tell: (text: string) => void): Promise<void> {
  const { name, snapshot, language, labels, env, autoStop, blockNetwork, isCode, text } = parameters;
  const body = {
    name: name || undefined,
    snapshot: snapshot || undefined,
    labels: isCode && language !== 'python' ? { ...labels, [LANGUAGE_LABEL]: language } : labels,
    env,
    autoStopInterval: autoStop,
    networkBlockAll: blockNetwork,
  };
  tell('Creating a sandbox…\n');
  let sandbox = await session.api<Sandbox>('POST', '/sandbox', { body });
  const path = `/sandbox/${sandbox.id}`;
  try {
    while (sandbox.state !== 'started') {
      if (['error', 'build_failed', 'destroyed', 'stopped'].includes(sandbox.state)) {
        throw new Error(sandbox.errorReason ?? `The sandbox is ${sandbox.state}.`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      sandbox = await session.api<Sandbox>('GET', path);
    }
    tell(`Running in ${sandbox.name}…\n\n`);
    const [route, request] = isCode
      ? ['/process/code-run', { code: text, language }]
      : ['/process/execute', { command: text }];
    type Result = { exitCode: number; result: string };
    const { exitCode, result } = await session.toolbox<Result>(sandbox.id, 'POST', route, { body: request });
    tell(`${result}\n[exit code ${exitCode}]\n`);
  } finally {
    await session.api('DELETE', path);
    tell('Deleted the sandbox.\n');
  }
}

export function Playground(_: { route: string[] }) {
  const { session } = useWorkspace();
  const [fields, setFields] = useState(STARTED);
  const [language, setLanguage] = useState<Language>('Python');
  const [output, setOutput] = useState('');
  const [busy, run] = useAction();
  const id = useId();
  const snapshots = useLoad(
    () => session.api<{ items: { id: string; name: string }[] }>('GET', '/snapshots', { query: { limit: 200 } }),
    [session],
  );
  const set = (changed: Partial<Fields>) => setFields((fields) => ({ ...fields, ...changed }));
  let parameters: Parameters | undefined;
  let wrong: string | undefined;
  try {
    parameters = read(fields);
  } catch (error) {
    wrong = inWords(error);
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (parameters === undefined) {
      return;
    }
    const given = parameters;
    setOutput('');
    void run(async () => {
      await perform(session, given, (text) => setOutput((before) => before + text));
      return undefined;
    });
  };
  return (
    <>
      <Heading title="Playground">Playground</Heading>
      <div class="halves">
        <form method="post" aria-label="Parameters" onSubmit={submit}>
          <Field label="Do">
            {(ids) => (
              <select
                {...ids}
                value={fields.isCode ? 'code' : 'command'}
                onChange={(event) => set({ isCode: event.currentTarget.value === 'code' })}
              >
                <option value="code">Run code</option>
                <option value="command">Run a command</option>
              </select>
            )}
          </Field>
          {fields.isCode && (
            <Field label="Language of the code">
              {(ids) => (
                <select
                  {...ids}
                  value={fields.language}
                  onChange={(event) => set({ language: event.currentTarget.value })}
                >
                  <option value="python">Python</option>
                  <option value="typescript">TypeScript</option>
                  <option value="javascript">JavaScript</option>
                </select>
              )}
            </Field>
          )}
          <Field label={fields.isCode ? 'Code' : 'Command'}>
            {(ids) => (
              <textarea
                {...ids}
                rows={7}
                spellcheck={false}
                required
                value={fields.text}
                onInput={(event) => set({ text: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field label="Snapshot">
            {(ids) => (
              <select
                {...ids}
                value={fields.snapshot}
                onChange={(event) => set({ snapshot: event.currentTarget.value })}
              >
                <option value="">Default</option>
                {snapshots.value?.items.map(({ id, name }) => (
                  <option key={id} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Name">
            {(ids) => (
              <input
                {...ids}
                autocomplete="off"
                value={fields.name}
                onInput={(event) => set({ name: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field label="Labels" hint="One in a line: name=value.">
            {(ids) => (
              <textarea
                {...ids}
                rows={2}
                spellcheck={false}
                value={fields.labels}
                onInput={(event) => set({ labels: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field label="Environment" hint="One variable in a line: NAME=value.">
            {(ids) => (
              <textarea
                {...ids}
                rows={2}
                spellcheck={false}
                value={fields.env}
                onInput={(event) => set({ env: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field label="Stop after minutes without activity" hint="Empty for the default, 0 for never.">
            {(ids) => (
              <input
                {...ids}
                type="number"
                min={0}
                step={1}
                value={fields.autoStop}
                onInput={(event) => set({ autoStop: event.currentTarget.value })}
              />
            )}
          </Field>
          <label class="choice">
            <input
              type="checkbox"
              checked={fields.blockNetwork}
              onChange={(event) => set({ blockNetwork: event.currentTarget.checked })}
            />{' '}
            No network
          </label>
          <Failure text={wrong ?? snapshots.error} />
          <button type="submit" class="primary" disabled={busy || parameters === undefined}>
            {busy ? 'Running…' : 'Run'}
          </button>
        </form>
        <section aria-labelledby={id}>
          <h2 id={id}>Program</h2>
          <div class="bar">
            <Field label="Language of the program">
              {(ids) => (
                <select
                  {...ids}
                  value={language}
                  onChange={(event) => setLanguage(event.currentTarget.value as Language)}
                >
                  {LANGUAGES.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              )}
            </Field>
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
          {/* biome-ignore lint/a11y/useSemanticElements: it is text as it stands */}
          <pre tabIndex={0} role="region" aria-label={`The program in ${language}`}>
            {parameters === undefined ? '' : program(language, parameters)}
          </pre>
          <h2>Output</h2>
          <Output label="Output" text={output} />
          <p>
            <small>Run does the same here, by requests of this page, and deletes the sandbox at the end.</small>
          </p>
        </section>
      </div>
    </>
  );
}
