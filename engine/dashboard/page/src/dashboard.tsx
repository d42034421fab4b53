// The frame of the dashboard: login, navigation, messages, and the page that the address names.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { Audit } from './audit.tsx';
import { type Workspace, WorkspaceContext } from './context.ts';
import { Guarded } from './elements.tsx';
import { Keys } from './keys.tsx';
import { LimitsPage } from './limits.tsx';
import { Live } from './live.ts';
import { Login } from './login.tsx';
import { Members } from './members.tsx';
import { Playground } from './playground.tsx';
import { go, to, useRoute } from './route.ts';
import { Sandboxes } from './sandboxes.tsx';
import { inWords, type Session } from './session.ts';
import { Snapshots } from './snapshots.tsx';
import { Volumes } from './volumes.tsx';
import { Webhooks } from './webhooks.tsx';

/** The pages, in the order of the navigation. */
const PAGES = [
  ['sandboxes', 'Sandboxes', Sandboxes],
  ['playground', 'Playground', Playground],
  ['snapshots', 'Snapshots', Snapshots],
  ['volumes', 'Volumes', Volumes],
  ['keys', 'API keys', Keys],
  ['members', 'Members', Members],
  ['audit', 'Audit log', Audit],
  ['webhooks', 'Webhooks', Webhooks],
  ['limits', 'Limits', LimitsPage],
] as const;

/** Milliseconds for which a message is shown. */
const MESSAGE_TIME = 10_000;

export function Dashboard() {
  const [session, setSession] = useState<Session>();
  if (session === undefined) {
    return <Login open={setSession} />;
  }
  // Another organization is another frame: nothing of the last one is left.
  return (
    <Frame
      key={session.organizationId}
      session={session}
      choose={(id) => {
        go('sandboxes');
        setSession(session.of(id));
      }}
      leave={() => setSession(undefined)}
    />
  );
}

interface FrameProps {
  session: Session;
  choose: (organizationId: string) => void;
  leave: () => void;
}

function Frame({ session, choose, leave }: FrameProps) {
  const route = useRoute();
  const [message, setMessage] = useState<{ text: string; failed: boolean }>();
  const live = useMemo(() => new Live(session), [session]);
  useEffect(
    () => () => {
      live.close();
      session.close();
    },
    [live, session],
  );
  useEffect(() => {
    if (message === undefined || message.failed) {
      return;
    }
    const timer = setTimeout(() => setMessage(undefined), MESSAGE_TIME);
    return () => clearTimeout(timer);
  }, [message]);
  const workspace = useMemo<Workspace>(
    () => ({
      session,
      live,
      say: (text) => setMessage({ text, failed: false }),
      fail: (error) => setMessage({ text: inWords(error), failed: true }),
    }),
    [session, live],
  );
  const known = PAGES.find(([name]) => name === route[0]) ?? PAGES[0];
  const Page = known[2];
  return (
    <WorkspaceContext.Provider value={workspace}>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header>
        <strong>Daytona</strong>
        <nav aria-label="Pages">
          {PAGES.map(([name, title]) => (
            <a key={name} href={to(name)} aria-current={name === known[0] ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {session.organizations.length > 1 && (
          <select
            aria-label="Organization"
            value={session.organizationId}
            onChange={(event) => choose(event.currentTarget.value)}
          >
            {session.organizations.map((organization) => (
              <option key={organization.id} value={organization.id}>
                {organization.name}
              </option>
            ))}
          </select>
        )}
        <button type="button" onClick={leave}>
          Log out
        </button>
      </header>
      <main id="content" tabIndex={-1}>
        <div class="messages" role="status" aria-live="polite">
          {message !== undefined && (
            <p class={message.failed ? 'failure' : 'success'}>
              {message.text}
              <button type="button" aria-label="Dismiss the message" onClick={() => setMessage(undefined)}>
                ×
              </button>
            </p>
          )}
        </div>
        {/* The parts of one thing are one page: what is around them stays as it is. */}
        <Guarded key={route.slice(0, 2).join('/')} title="Not shown">
          <Page route={route.slice(1)} />
        </Guarded>
      </main>
    </WorkspaceContext.Provider>
  );
}

/** A link would change the fragment of the address, which is the route. */
function skip() {
  document.querySelector<HTMLElement>('#content')?.focus();
}
