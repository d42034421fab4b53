// The audit log: who did what, and how it ended.

import { useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Failure, Heading, Table, Time } from './elements.tsx';
import { save } from './files.tsx';

interface Entry {
  id: string;
  actorId: string;
  actorEmail: string;
  actorApiKeyPrefix?: string;
  action: string;
  targetType?: string;
  targetId?: string;
  statusCode?: number;
  errorMessage?: string;
  ipAddress?: string;
  metadata?: Record<string, unknown>;
  createdAt: string;
}

interface Page {
  items: Entry[];
  total: number;
  nextToken?: string;
}

export function Audit(_: { route: string[] }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const [filter, setFilter] = useState<Record<string, string>>({});
  const [tokens, setTokens] = useState<string[]>([]);
  const path = `/audit/organizations/${encodeURIComponent(session.organizationId)}`;
  const query = { ...filter, limit: 50, nextToken: tokens.at(-1) };
  const page = useLoad(() => session.api<Page>('GET', path, { query }), [session, JSON.stringify(query)]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const entries = [...new FormData(event.currentTarget as HTMLFormElement)];
    setTokens([]);
    setFilter(Object.fromEntries(entries.map(([name, value]) => [name, String(value).trim()])));
  };
  const exportAll = () =>
    run(async () => {
      const answer = await session.send('GET', `/api${path}/export`, { query: filter });
      save(await answer.blob(), 'audit.ndjson');
      return undefined;
    });
  return (
    <>
      <Heading title="Audit log">Audit log</Heading>
      <form class="bar" method="post" onSubmit={submit}>
        <input name="action" aria-label="Action" placeholder="Action, for example create" autocomplete="off" />
        <input name="targetId" aria-label="Id of the target" placeholder="Id of the target" autocomplete="off" />
        <button type="submit">Filter</button>
        <button type="button" disabled={busy} onClick={exportAll}>
          Export
        </button>
      </form>
      <Failure text={page.error} />
      {page.value !== undefined && (
        <>
          <p class="count" role="status">
            {page.value.total} entries
          </p>
          <Table
            caption="Audit log"
            head={['Time', 'Action', 'Target', 'By', 'Outcome', 'Cause']}
            none="No entry matches."
            rows={page.value.items.map((entry) => (
              <tr key={entry.id}>
                <th scope="row">
                  <Time at={entry.createdAt} />
                </th>
                <td>{entry.action}</td>
                <td>
                  {entry.targetType} {entry.targetId}
                </td>
                <td>{entry.actorEmail || entry.actorId}</td>
                <td>
                  {entry.statusCode ?? '–'}
                  {entry.errorMessage && <small class="reason">{entry.errorMessage}</small>}
                </td>
                <td>{String(entry.metadata?.cause ?? '–')}</td>
              </tr>
            ))}
          />
          <div class="actions">
            <button type="button" disabled={tokens.length === 0} onClick={() => setTokens(tokens.slice(0, -1))}>
              Later entries
            </button>
            <button
              type="button"
              disabled={page.value.nextToken === undefined}
              onClick={() => setTokens([...tokens, String(page.value?.nextToken)])}
            >
              Earlier entries
            </button>
          </div>
        </>
      )}
    </>
  );
}
