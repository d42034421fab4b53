// Webhooks: where events are told, and how the deliveries went.

import { useState } from 'preact/hooks';
import { useAction, useLoad, useWorkspace } from './context.ts';
import { Confirmation, Failure, Field, FormDialog, Heading, ShownOnce, State, Table, Time } from './elements.tsx';

interface Endpoint {
  id: string;
  url: string;
  description: string;
  events: string[];
  disabled: boolean;
  secret?: string;
}

interface Delivery {
  id: string;
  endpointId: string;
  event: string;
  state: string;
  createdAt: string;
  attempts: { statusCode: number | null; error: string | null }[];
}

const EVENTS = [
  'sandbox.created',
  'sandbox.state.updated',
  'snapshot.created',
  'snapshot.state.updated',
  'snapshot.removed',
  'volume.created',
  'volume.state.updated',
];

export function Webhooks(_: { route: string[] }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Endpoint>();
  const [deleting, setDeleting] = useState<Endpoint>();
  const path = `/webhooks/organizations/${encodeURIComponent(session.organizationId)}`;
  const endpoints = useLoad(() => session.api<Endpoint[]>('GET', `${path}/endpoints`), [session]);
  const deliveries = useLoad(
    () => session.api<{ items: Delivery[] }>('GET', `${path}/deliveries`).then(({ items }) => items),
    [session],
  );
  const urls = new Map(endpoints.value?.map(({ id, url }) => [id, url]));
  const act = (work: () => Promise<unknown>, told: string) =>
    run(async () => {
      await work();
      endpoints.reload();
      deliveries.reload();
      return told;
    });
  const of = (endpoint: Endpoint) => `${path}/endpoints/${encodeURIComponent(endpoint.id)}`;
  return (
    <>
      <Heading title="Webhooks">Webhooks</Heading>
      <div class="bar">
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create endpoint
        </button>
      </div>
      <Failure text={endpoints.error} />
      {endpoints.value !== undefined && (
        <Table
          caption="Endpoints"
          head={['Address', 'Events', 'Description', 'Actions']}
          none="Nobody is told of events yet."
          rows={endpoints.value.map((endpoint) => (
            <tr key={endpoint.id}>
              <th scope="row">
                {endpoint.url}
                {endpoint.disabled && ' (off)'}
              </th>
              <td>{endpoint.events.join(', ') || 'all'}</td>
              <td>{endpoint.description}</td>
              <td>
                <div class="actions">
                  <button
                    type="button"
                    disabled={busy}
                    aria-label={`Send a test to ${endpoint.url}`}
                    onClick={() => act(() => session.api('POST', `${of(endpoint)}/test`, { body: {} }), 'Sent a test.')}
                  >
                    Test
                  </button>
                  <button
                    type="button"
                    disabled={busy}
                    aria-label={`${endpoint.disabled ? 'Turn on' : 'Turn off'} ${endpoint.url}`}
                    onClick={() =>
                      act(
                        () => session.api('PATCH', of(endpoint), { body: { disabled: !endpoint.disabled } }),
                        endpoint.disabled ? 'Turned on.' : 'Turned off.',
                      )
                    }
                  >
                    {endpoint.disabled ? 'Turn on' : 'Turn off'}
                  </button>
                  <button
                    type="button"
                    class="danger"
                    disabled={busy}
                    aria-label={`Delete ${endpoint.url}`}
                    onClick={() => setDeleting(endpoint)}
                  >
                    Delete
                  </button>
                </div>
              </td>
            </tr>
          ))}
        />
      )}
      <h2>Deliveries</h2>
      <div class="bar">
        <button type="button" onClick={deliveries.reload}>
          Look again
        </button>
      </div>
      <Failure text={deliveries.error} />
      {deliveries.value !== undefined && (
        <Table
          caption="Deliveries"
          head={['Time', 'Event', 'To', 'State', 'Last answer', 'Actions']}
          none="Nothing has been delivered."
          rows={deliveries.value.map((delivery) => {
            const last = delivery.attempts.at(-1);
            return (
              <tr key={delivery.id}>
                <th scope="row">
                  <Time at={delivery.createdAt} />
                </th>
                <td>{delivery.event}</td>
                <td>{urls.get(delivery.endpointId) ?? delivery.endpointId}</td>
                <td>
                  <State state={delivery.state} />
                </td>
                <td>{last === undefined ? '–' : (last.statusCode ?? last.error ?? '–')}</td>
                <td>
                  <button
                    type="button"
                    disabled={busy}
                    aria-label={`Send ${delivery.event} again`}
                    onClick={() =>
                      act(
                        () => session.api('POST', `${path}/deliveries/${encodeURIComponent(delivery.id)}/retry`),
                        'It is sent again.',
                      )
                    }
                  >
                    Send again
                  </button>
                </td>
              </tr>
            );
          })}
        />
      )}
      {creating && (
        <Create
          path={path}
          close={() => setCreating(false)}
          made={(endpoint) => {
            endpoints.reload();
            setMade(endpoint);
          }}
        />
      )}
      {made !== undefined && (
        <ShownOnce
          title="The endpoint’s secret"
          label="Secret"
          hint="The receiver checks messages with it."
          value={made.secret ?? ''}
          close={() => setMade(undefined)}
        />
      )}
      {deleting !== undefined && (
        <Confirmation
          title="Delete this endpoint?"
          action="Delete"
          close={() => setDeleting(undefined)}
          confirm={() => act(() => session.api('DELETE', of(deleting)), 'Deleted the endpoint.')}
        >
          {deleting.url} is told of nothing any more.
        </Confirmation>
      )}
    </>
  );
}

function Create({ path, close, made }: { path: string; close: () => void; made: (endpoint: Endpoint) => void }) {
  const { session } = useWorkspace();
  const make = async (form: FormData) => {
    const body = { url: form.get('url'), description: form.get('description'), events: form.getAll('event') };
    made(await session.api<Endpoint>('POST', `${path}/endpoints`, { body }));
    return undefined;
  };
  return (
    <FormDialog title="Create endpoint" close={close} make={make}>
      <Field label="Address">{(ids) => <input {...ids} name="url" type="url" required />}</Field>
      <Field label="Description">{(ids) => <input {...ids} name="description" autocomplete="off" />}</Field>
      <fieldset>
        <legend>Events; all if none is chosen</legend>
        {EVENTS.map((event) => (
          <label class="choice" key={event}>
            <input type="checkbox" name="event" value={event} /> {event}
          </label>
        ))}
      </fieldset>
    </FormDialog>
  );
}
