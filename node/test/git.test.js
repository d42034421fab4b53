"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_test_1 = require("node:test");
const sdk_1 = require("@daytonaio/sdk");
const support_js_1 = require("./support.js");
let sandbox;
(0, support_js_1.sandboxForFile)(async (made) => {
    sandbox = made;
    await makeOrigin();
});
const ORIGIN = '/home/daytona/origin.git';
async function sh(command) {
    const { exitCode, result } = await sandbox.process.executeCommand(command);
    strict_1.default.equal(exitCode, 0, result);
    return result;
}
async function commit(path, file) {
    await sandbox.fs.uploadFile(Buffer.from(file), `${path}/${file}`);
    await sandbox.git.add(path, [file]);
    return (await sandbox.git.commit(path, `Add ${file}`, 'Ada', 'ada@example.com')).sha;
}
async function makeOrigin() {
    await sh(`git init -q --bare -b main ${ORIGIN} && git init -q -b main seed && cd seed && git remote add origin ${ORIGIN}`);
    await commit('seed', 'first');
    await sh('cd seed && git push -q origin main && git checkout -q -b side');
    await commit('seed', 'second');
    await sh('cd seed && git push -q origin side');
}
(0, node_test_1.test)('a clone takes a branch, a commit and a depth, by position and by name', async () => {
    const { git } = sandbox;
    const [newest, oldest] = await git.history('seed');
    await git.clone(`file://${ORIGIN}`, 'clones/all');
    strict_1.default.equal((await git.status('clones/all')).currentBranch, 'main');
    await git.clone(`file://${ORIGIN}`, 'clones/side', 'side');
    strict_1.default.equal((await git.history('clones/side')).length, 2);
    await git.clone(`file://${ORIGIN}`, 'clones/shallow', { branch: 'side', depth: 1, timeout: 60 });
    strict_1.default.deepEqual((await git.history('clones/shallow')).map(({ hash }) => hash), [newest?.hash]);
    await git.clone(`file://${ORIGIN}`, 'clones/commit', undefined, oldest?.hash, undefined, undefined, false, 60);
    strict_1.default.equal((await git.history('clones/commit'))[0]?.hash, oldest?.hash);
    await strict_1.default.rejects(git.clone(`file://${ORIGIN}`, 'clones/none', 'nowhere'), sdk_1.DaytonaGitBranchNotFoundError);
    const signal = AbortSignal.abort();
    await strict_1.default.rejects(git.clone(`file://${ORIGIN}`, 'clones/none', { signal }), sdk_1.DaytonaCancelledError);
});
(0, node_test_1.test)('files have a path and a status derived from both sides', async () => {
    const { fs, git } = sandbox;
    await git.clone(`file://${ORIGIN}`, 'state');
    await fs.uploadFile(Buffer.from('new'), 'state/untracked');
    await fs.uploadFile(Buffer.from('new'), 'state/staged');
    await git.add('state', ['staged']);
    await fs.uploadFile(Buffer.from('changed'), 'state/first');
    const { fileStatus, currentBranch, ahead, behind } = await git.status('state');
    const statuses = Object.fromEntries(fileStatus.map((file) => [file.path, [file.name, file.status]]));
    strict_1.default.deepEqual(statuses, {
        first: ['first', 'Modified'],
        staged: ['staged', 'Added'],
        untracked: ['untracked', 'Untracked'],
    });
    strict_1.default.deepEqual([currentBranch, ahead ?? 0, behind ?? 0], ['main', 0, 0]);
});
(0, node_test_1.test)('a commit has a hash under both names, and may be empty when asked', async () => {
    const { git } = sandbox;
    await git.clone(`file://${ORIGIN}`, 'commits');
    const { sha, hash } = await git.commit('commits', 'Nothing new', 'Ada', 'ada@example.com', true);
    strict_1.default.equal(sha, hash);
    await git.commit('commits', 'Nothing again', 'Ada', 'ada@example.com', { allowEmpty: true });
    await strict_1.default.rejects(git.commit('commits', 'Nothing', 'Ada', 'ada@example.com'));
    const [again, first] = await git.history('commits');
    strict_1.default.deepEqual([again?.message.trim(), first?.hash, first?.author], ['Nothing again', sha, 'Ada']);
});
(0, node_test_1.test)('commits travel by push and pull', async () => {
    const { git } = sandbox;
    await git.clone(`file://${ORIGIN}`, 'here');
    await git.clone(`file://${ORIGIN}`, 'there');
    const sha = await commit('here', 'pushed');
    strict_1.default.equal((await git.status('here')).ahead, 1);
    await git.push('here');
    await git.pull('there', { remote: 'origin', timeout: 60 });
    strict_1.default.equal((await git.history('there'))[0]?.hash, sha);
    await commit('here', 'mine');
    await git.push('here', undefined, undefined, 60);
    await commit('there', 'theirs');
    await strict_1.default.rejects(git.push('there'), sdk_1.DaytonaGitPushRejectedError);
    await git.createBranch('there', 'feature');
    await git.push('there', { setUpstream: true, remote: 'origin', branch: 'feature' });
    strict_1.default.equal((await git.status('there')).branchPublished, true);
});
(0, node_test_1.test)('branches are made, checked out by name and hash, and deleted', async () => {
    const { git } = sandbox;
    await git.clone(`file://${ORIGIN}`, 'branches');
    const [head] = await git.history('branches');
    await git.createBranch('branches', 'topic');
    await commit('branches', 'topical');
    await git.checkout('branches', 'main');
    strict_1.default.deepEqual((await git.branches('branches')).branches.sort(), ['main', 'topic']);
    await strict_1.default.rejects(git.deleteBranch('branches', 'topic', false), sdk_1.DaytonaConflictError);
    await git.deleteBranch('branches', 'topic', { force: true });
    await git.createBranch('branches', 'other');
    await git.checkoutBranch('branches', head?.hash);
    await git.deleteBranch('branches', 'other');
    strict_1.default.deepEqual((await git.branches('branches')).branches, ['main']);
    await strict_1.default.rejects(git.status('nowhere'), sdk_1.DaytonaNotFoundError);
});
