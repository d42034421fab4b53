// The log of a build, as it is written.

import { useEffect, useState } from 'preact/hooks';
import { useWorkspace } from './context.ts';
import { inWords, Refused } from './session.ts';

/** Characters of a log that are shown: its end. */
const SHOWN = 500_000;

export function Log({ path }: { path: string }) {
  const { session } = useWorkspace();
  const [text, setText] = useState('');
  const [status, setStatus] = useState('Loading…');
  useEffect(() => {
    let ended = false;
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
    read().catch((error) => {
      if (!ended) {
        const none = error instanceof Refused && error.status === 404;
        setStatus(none ? 'Nothing was built: there is no log.' : inWords(error));
      }
    });
    return () => {
      ended = true;
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
      {text}
    </pre>
  );
}
