// The login: the engine's key, or a token of the issuer it takes tokens of.

import { useState } from 'preact/hooks';
import { Failure, Field } from './elements.tsx';
import { inWords, Refused, Session } from './session.ts';

export function Login({ open }: { open: (session: Session) => void }) {
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    // The form is never sent, so that the key cannot get into an address.
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get('key');
    setBusy(true);
    try {
      open(await Session.open(String(key).trim()));
    } catch (error) {
      const wrong = error instanceof Refused && error.status === 401;
      setError(wrong ? 'The engine does not know this key.' : inWords(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <h1>Daytona</h1>
      <p>
        Log in with the key of this engine. <code>daytona local dashboard --key</code> prints it.
      </p>
      <form method="post" onSubmit={submit}>
        <Field label="Key">
          {(ids) => (
            <input {...ids} name="key" type="password" autocomplete="current-password" spellcheck={false} required />
          )}
        </Field>
        <Failure text={error} />
        <button type="submit" class="primary" disabled={busy}>
          Log in
        </button>
      </form>
    </main>
  );
}
