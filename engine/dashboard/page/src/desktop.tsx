// The desktop of a sandbox: its screen as it changes, clicks and text.

import { useEffect, useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Failure, Field } from './elements.tsx';
import type { Sandbox } from './live.ts';
import { inWords } from './session.ts';

/** Milliseconds between two pictures. */
const PAUSE = 1000;

export function Desktop({ sandbox }: { sandbox: Sandbox }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const status = useLoad(
    () => session.toolbox<{ status: string }>(sandbox.id, 'GET', '/computeruse/status'),
    [session, sandbox.id],
  );
  const change = (verb: 'start' | 'stop') =>
    run(async () => {
      await session.toolbox(sandbox.id, 'POST', `/computeruse/${verb}`);
      status.reload();
      return undefined;
    });
  const active = status.value?.status === 'active';
  return (
    <>
      <Failure text={status.error} />
      {status.error !== undefined && (
        <p>
          Sandboxes of the snapshot <code>daytona-desktop</code> have a desktop;{' '}
          <code>daytona local setup --desktop</code> makes it.
        </p>
      )}
      {status.value !== undefined && (
        <div class="actions">
          <button type="button" disabled={busy} onClick={() => change(active ? 'stop' : 'start')}>
            {active ? 'Stop the desktop' : 'Start the desktop'}
          </button>
        </div>
      )}
      {active && <Screen sandbox={sandbox} />}
    </>
  );
}

function Screen({ sandbox }: { sandbox: Sandbox }) {
  const { session, fail } = useWorkspace();
  const [picture, setPicture] = useState<string>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    let ended = false;
    let timer: number | undefined;
    const look = async () => {
      // Nobody looks at a page in the background.
      if (!document.hidden) {
        try {
          const query = { format: 'jpeg', quality: 75, showCursor: true };
          const path = '/computeruse/screenshot/compressed';
          const { screenshot } = await session.toolbox<{ screenshot: string }>(sandbox.id, 'GET', path, { query });
          setPicture(`data:image/jpeg;base64,${screenshot}`);
          setError(undefined);
        } catch (error) {
          setError(inWords(error));
        }
      }
      if (!ended) {
        timer = setTimeout(look, PAUSE);
      }
    };
    void look();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [session, sandbox.id]);
  const tell = (path: string, body: object) =>
    session.toolbox(sandbox.id, 'POST', `/computeruse${path}`, { body }).catch(fail);
  const click = (event: MouseEvent) => {
    const image = event.currentTarget as HTMLImageElement;
    const box = image.getBoundingClientRect();
    const x = Math.round(((event.clientX - box.left) / box.width) * image.naturalWidth);
    const y = Math.round(((event.clientY - box.top) / box.height) * image.naturalHeight);
    void tell('/mouse/click', { x, y, button: 'left', double: event.detail === 2 });
  };
  const type = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    void tell('/keyboard/type', { text: String(new FormData(form).get('text')) }).then(() => form.reset());
  };
  const keys = ['Return', 'Tab', 'Escape', 'BackSpace', 'Up', 'Down', 'Left', 'Right'];
  return (
    <>
      <Failure text={error} />
      {picture !== undefined && (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the desktop has keys of its own, below
        <img class="screen" src={picture} alt={`The screen of ${sandbox.name}`} onClick={click} />
      )}
      <form class="bar" method="post" onSubmit={type}>
        <Field label="Text to type">{(ids) => <input {...ids} name="text" required autocomplete="off" />}</Field>
        <button type="submit">Type</button>
      </form>
      <div class="actions">
        {keys.map((key) => (
          <button type="button" key={key} onClick={() => tell('/keyboard/key', { key })}>
            {key}
          </button>
        ))}
      </div>
    </>
  );
}
