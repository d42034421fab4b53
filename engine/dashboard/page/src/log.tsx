// The log of a build, as it is written.

import { useEffect, useRef, useState } from 'preact/hooks';
import { useWorkspace } from './context.ts';
import { inWords, Refused } from './session.ts';

/** Characters of a log or an output that are shown: its end. */
export const SHOWN = 500_000;

/** Milliseconds between looks for a log that is not there yet. */
const PAUSE = 500;

/** States of snapshots and sandboxes whose builds may begin. */
const TO_BE_BUILT = ['pending', 'pending_build', 'building', 'building_snapshot', 'creating'];

/** The log of something in a state. */
export function Log({ path, state }: { path: string; state: string }) {
  const { session } = useWorkspace();
  const may = useRef(true);
  may.current = TO_BE_BUILT.includes(state);
  const [text, setText] = useState('');
  const [status, setStatus] = useState('Loading…');
  useEffect(() => {
    let ended = false;
    let timer: number | undefined;
    let reader: ReadableStreamDefaultReader<string> | undefined;
    const read = async () => {
      const answer = await session.send('GET', path, { query: { follow: true } });
      reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      setStatus('');
      for (;;) {
        const piece = await reader?.read();
        if (ended || piece === undefined || piece.done) {
          break;
        }
        setText((text) => (text + piece.value).slice(-SHOWN));
      }
    };
    const look = () => {
      read().catch((error) => {
        if (ended) {
          return;
        }
        const none = error instanceof Refused && error.status === 404;
        const waits = none && may.current;
        setStatus(waits ? 'The build has not begun.' : none ? 'There is no log: nothing was built.' : inWords(error));
        if (waits) {
          timer = setTimeout(look, PAUSE);
        }
      });
    };
    look();
    return () => {
      ended = true;
      clearTimeout(timer);
      reader?.cancel().catch(() => {});
    };
  }, [session, path]);
  if (status !== '') {
    return <p class="none">{status}</p>;
  }
  return <Output label="Build log" text={text} />;
}

/** What a program has written. */
export function Output({ label, text }: { label: string; text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <pre role="log" tabIndex={0} aria-label={label}>
      {text.slice(-SHOWN)}
    </pre>
  );
}
