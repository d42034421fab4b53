// Members of the organization, and invitations to it.

import { useAction, useLoad, useWorkspace } from './context.ts';
import { Failure, Heading, Table, Time } from './elements.tsx';
import { Refused } from './session.ts';

interface Member {
  userId: string;
  name: string;
  email: string;
  role: string;
  createdAt: string;
}

interface Invitation {
  id: string;
  email: string;
  role: string;
  status: string;
  expiresAt: string;
}

export function Members(_: { route: string[] }) {
  const { session } = useWorkspace();
  const [busy, run] = useAction();
  const path = `/organizations/${encodeURIComponent(session.organizationId)}`;
  const known = useLoad(async () => {
    try {
      const [members, invitations] = await Promise.all([
        session.api<Member[]>('GET', `${path}/users`),
        session.api<Invitation[]>('GET', `${path}/invitations`),
      ]);
      return { members, invitations };
    } catch (error) {
      // Keys are for programs, as on the platform.
      if (error instanceof Refused && error.status === 401) {
        return undefined;
      }
      throw error;
    }
  }, [session]);
  const invite = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    void run(async () => {
      const body = { email: data.get('email'), role: data.get('role'), assignedRoleIds: [] };
      await session.api('POST', `${path}/invitations`, { body });
      form.reset();
      known.reload();
      return `Invited ${data.get('email')}.`;
    });
  };
  const cancel = (invitation: Invitation) =>
    run(async () => {
      await session.api('POST', `${path}/invitations/${encodeURIComponent(invitation.id)}/cancel`);
      known.reload();
      return `The invitation of ${invitation.email} has been withdrawn.`;
    });
  return (
    <>
      <Heading title="Members">Members</Heading>
      <Failure text={known.error} />
      {known.value === undefined && known.error === undefined && (
        <p>
          Members are for people: log in with a token of the issuer that the engine was started with (
          <code>daytona local serve --oidc-issuer</code>), not with a key.
        </p>
      )}
      {known.value !== undefined && (
        <>
          <Table
            caption="Members"
            head={['Name', 'Address', 'Role', 'Since']}
            none="There are no members."
            rows={known.value.members.map((member) => (
              <tr key={member.userId}>
                <th scope="row">{member.name || member.userId}</th>
                <td>{member.email}</td>
                <td>{member.role}</td>
                <td>
                  <Time at={member.createdAt} />
                </td>
              </tr>
            ))}
          />
          <h2>Invitations</h2>
          <form class="bar" method="post" onSubmit={invite}>
            <input name="email" type="email" aria-label="Address" placeholder="Address" required />
            <select name="role" aria-label="Role">
              <option value="member">Member</option>
              <option value="owner">Owner</option>
            </select>
            <button type="submit" class="primary" disabled={busy}>
              Invite
            </button>
          </form>
          <Table
            caption="Invitations"
            head={['Address', 'Role', 'State', 'Until', 'Actions']}
            none="There are no invitations."
            rows={known.value.invitations.map((invitation) => (
              <tr key={invitation.id}>
                <th scope="row">{invitation.email}</th>
                <td>{invitation.role}</td>
                <td>{invitation.status}</td>
                <td>
                  <Time at={invitation.expiresAt} />
                </td>
                <td>
                  <button
                    type="button"
                    disabled={busy}
                    aria-label={`Withdraw the invitation of ${invitation.email}`}
                    onClick={() => cancel(invitation)}
                  >
                    Withdraw
                  </button>
                </td>
              </tr>
            ))}
          />
        </>
      )}
    </>
  );
}
