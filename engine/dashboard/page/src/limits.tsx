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

interface Usage {
  regionUsage: (Record<string, number | null> & { regionId: string })[];
  totalSnapshotQuota: number | null;
  currentSnapshotUsage: number;
  totalVolumeQuota: number | null;
  currentVolumeUsage: number;
}

/** What is used, and how much there may be: a title, and where both are in the answer. */
const OF_REGION: [title: string, used: string, quota: string][] = [
  ['Processors of running sandboxes', 'currentCpuUsage', 'totalCpuQuota'],
  ['Memory of running sandboxes in GiB', 'currentMemoryUsage', 'totalMemoryQuota'],
  ['Disks in GiB', 'currentDiskUsage', 'totalDiskQuota'],
];

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
      {session.organizations.length > 0 && <UsageOfQuotas />}
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

function UsageOfQuotas() {
  const { session } = useWorkspace();
  const path = `/organizations/${encodeURIComponent(session.organizationId)}/usage`;
  const usage = useLoad(() => session.api<Usage>('GET', path), [session, path]);
  const rows: [title: string, used: number, quota: number | null][] = [];
  if (usage.value !== undefined) {
    for (const region of usage.value.regionUsage) {
      for (const [title, used, quota] of OF_REGION) {
        rows.push([title, region[used] ?? 0, region[quota] ?? null]);
      }
    }
    rows.push(['Snapshots', usage.value.currentSnapshotUsage, usage.value.totalSnapshotQuota]);
    rows.push(['Volumes', usage.value.currentVolumeUsage, usage.value.totalVolumeQuota]);
  }
  return (
    <>
      <h2>Usage</h2>
      <Failure text={usage.error} />
      {usage.value !== undefined && (
        <Table
          caption="Usage of quotas"
          head={['Of', 'Used', 'Quota', 'Share']}
          none="Nothing is limited."
          rows={rows.map(([title, used, quota]) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              <td>{used}</td>
              <td>{quota ?? 'none'}</td>
              <td>{quota !== null && quota > 0 && <meter aria-label={title} min={0} max={quota} value={used} />}</td>
            </tr>
          ))}
        />
      )}
    </>
  );
}
