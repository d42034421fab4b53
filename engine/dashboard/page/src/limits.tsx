// What the engine enforces, and how many requests it takes.

import { useLoad, useWorkspace } from './context.ts';
import { Failure, Heading, Table } from './elements.tsx';

interface Health {
  version: string;
  isolation: string;
  compat: string;
  limits: Record<string, unknown> & { notEnforced: string[] };
}

type RateLimits = Record<string, { limit?: number; ttl?: number } | null>;

const ENFORCED: [name: string, title: string][] = [
  ['cpu', 'Processors'],
  ['memory', 'Memory'],
  ['processes', 'Processes'],
  ['disk', 'Disk'],
  ['diskTime', 'Time of the disk'],
  ['users', 'Users of their own'],
  ['network', 'Network'],
  ['ipv6', 'IPv6'],
];

function shown(value: unknown): string {
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value ?? '–');
}

export function LimitsPage(_: { route: string[] }) {
  const { session } = useWorkspace();
  const health = useLoad(() => session.api<Health>('GET', '/health'), [session]);
  const config = useLoad(() => session.api<{ rateLimit?: RateLimits }>('GET', '/config'), [session]);
  return (
    <>
      <Heading title="Limits">Limits</Heading>
      <Failure text={health.error} />
      {health.value !== undefined && (
        <>
          <dl>
            <dt>Version</dt>
            <dd>{health.value.version}</dd>
            <dt>Isolation</dt>
            <dd>{health.value.isolation}</dd>
            <dt>Answers as</dt>
            <dd>{health.value.compat}</dd>
            {ENFORCED.map(([name, title]) => (
              <>
                <dt>{title}</dt>
                <dd>{shown(health.value?.limits[name])}</dd>
              </>
            ))}
          </dl>
          {health.value.limits.notEnforced.length > 0 && (
            <>
              <h2>Notes</h2>
              <ul>
                {health.value.limits.notEnforced.map((note) => (
                  <li key={note}>{note}</li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
      <h2>Requests</h2>
      <Failure text={config.error} />
      {config.value !== undefined && (
        <Table
          caption="Limits of requests"
          head={['Of', 'Requests', 'In seconds']}
          none="Requests are not limited."
          rows={Object.entries(config.value.rateLimit ?? {})
            .filter(([, limit]) => limit?.limit !== undefined)
            .map(([name, limit]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{shown(limit?.limit)}</td>
                <td>{shown(limit?.ttl)}</td>
              </tr>
            ))}
        />
      )}
    </>
  );
}
