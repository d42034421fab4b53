// Git: a repository cloned, changed, branched, pushed and pulled inside of a sandbox.
//
//   DAYTONA_API_URL=local npx tsx git.ts

import { Daytona, type Sandbox } from '@daytonaio/sdk';

/** Makes a remote repository with one commit. */
const PREPARE = `set -e
git init --quiet --bare --initial-branch=main remote.git
git clone --quiet remote.git seed 2>/dev/null
cd seed
git checkout --quiet -B main
echo "# Demo" >README.md
git add README.md
git -c user.name=Ann -c user.email=ann@example.com commit --quiet --message "First commit"
git push --quiet origin main`;

async function remote(sandbox: Sandbox): Promise<void> {
  const { exitCode, result } = await sandbox.process.executeCommand(PREPARE);
  if (exitCode !== 0) {
    throw new Error(result);
  }
}

async function clone(sandbox: Sandbox): Promise<void> {
  const url = `file://${await sandbox.getUserHomeDir()}/remote.git`;
  // region: clone
  // For a private repository: username and password, too.
  await sandbox.git.clone(url, 'project', { branch: 'main' });
  // endregion
}

async function statusCommit(sandbox: Sandbox): Promise<void> {
  // region: status-commit
  await sandbox.fs.uploadFile(Buffer.from("print('hello')\n"), 'project/main.py');
  const { currentBranch, fileStatus } = await sandbox.git.status('project');
  for (const { path, status } of fileStatus) {
    console.log(currentBranch, path, status);
  }

  await sandbox.git.add('project', ['main.py']);
  const { sha } = await sandbox.git.commit('project', 'Say hello', 'Ann', 'ann@example.com');
  console.log('committed', sha.slice(0, 8));
  // endregion
}

async function branches(sandbox: Sandbox): Promise<void> {
  // region: branches
  await sandbox.git.createBranch('project', 'experiment');
  const { branches } = await sandbox.git.branches('project');
  console.log(branches);

  await sandbox.git.checkoutBranch('project', 'main'); // Or the hash of a commit.
  await sandbox.git.deleteBranch('project', 'experiment', { force: true });
  // endregion
}

async function pushPull(sandbox: Sandbox): Promise<void> {
  // region: push-pull
  await sandbox.git.push('project');
  await sandbox.git.pull('project');
  const { ahead, behind } = await sandbox.git.status('project');
  console.log('ahead', ahead, 'behind', behind);
  // endregion
}

async function history(sandbox: Sandbox): Promise<void> {
  // region: history
  for (const { hash, author, message } of await sandbox.git.history('project')) {
    console.log(hash.slice(0, 8), author, message.trim());
  }
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
for (const part of [remote, clone, statusCommit, branches, pushPull, history]) {
  console.log(`--- ${part.name}`);
  await part(sandbox);
}
