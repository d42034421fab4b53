"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_crypto_1 = require("node:crypto");
const node_test_1 = require("node:test");
const node_util_1 = require("node:util");
const sdk_1 = require("@daytonaio/sdk");
const daytona = new sdk_1.Daytona();
(0, node_test_1.after)(() => daytona.close());
(0, node_test_1.test)('a sandbox lives: it is created, described, stopped, started and deleted', async () => {
    const labels = { test: (0, node_crypto_1.randomUUID)() };
    const sandbox = await daytona.create({ language: sdk_1.CodeLanguage.JAVASCRIPT, labels, envVars: { A: 'b' } }, { timeout: 60 });
    try {
        strict_1.default.equal(sandbox.state, sdk_1.SandboxState.STARTED);
        strict_1.default.equal(sandbox.language, 'javascript');
        strict_1.default.equal((await sandbox.process.codeRun('console.log(process.env.A)')).result, 'b\n');
        strict_1.default.equal(sandbox.env.A, 'b');
        strict_1.default.ok(sandbox.cpu > 0 && sandbox.memory > 0);
        strict_1.default.equal(await sandbox.getUserHomeDir(), '/home/daytona');
        strict_1.default.ok(await sandbox.getWorkDir());
        await daytona.stop(sandbox);
        strict_1.default.equal(sandbox.state, 'stopped');
        await daytona.start(sandbox, 60);
        await sandbox.waitUntilStarted(60);
        await sandbox.refreshData();
        strict_1.default.equal(sandbox.state, 'started');
        strict_1.default.equal((await daytona.get(sandbox.id)).name, sandbox.name);
        strict_1.default.equal((await daytona.findOne({ labels })).id, sandbox.id);
        strict_1.default.equal((await daytona.findOne(sandbox.name)).id, sandbox.id);
    }
    finally {
        await daytona.delete(sandbox, 60);
    }
    await sandbox.waitUntilStopped(60);
    await strict_1.default.rejects(daytona.findOne({ labels }), sdk_1.DaytonaNotFoundError);
});
(0, node_test_1.test)('a sandbox is deleted at the end of its block, and one that is gone is fine', async () => {
    const sandbox = await daytona.create();
    const gone = await daytona.get(sandbox.id);
    const alike = await daytona.get(sandbox.id);
    await sandbox[Symbol.asyncDispose]();
    strict_1.default.equal(sandbox.state, sdk_1.SandboxState.DESTROYING);
    await alike[Symbol.asyncDispose]();
    await sandbox.waitUntilStopped(60);
    await strict_1.default.rejects(daytona.get(sandbox.id), sdk_1.DaytonaNotFoundError);
    await sandbox[Symbol.asyncDispose]();
    await gone[Symbol.asyncDispose]();
});
(0, node_test_1.test)('settings of a sandbox change it and the object', async () => {
    const sandbox = await daytona.create();
    try {
        await sandbox.setLabels({ a: 'b' });
        await sandbox.setAutostopInterval(30);
        await sandbox.setAutoArchiveInterval(60);
        await sandbox.setAutoDeleteInterval(-1);
        await sandbox.refreshActivity();
        const fresh = await daytona.get(sandbox.id);
        for (const seen of [sandbox, fresh]) {
            strict_1.default.deepEqual(seen.labels.a, 'b');
            strict_1.default.equal(seen.autoStopInterval, 30);
            strict_1.default.equal(seen.autoArchiveInterval, 60);
            strict_1.default.equal(seen.autoDeleteInterval, -1);
        }
        const link = await sandbox.getPreviewLink(3000);
        strict_1.default.ok(link.url && link.token);
        const signed = await sandbox.getSignedPreviewUrl(3000, 60);
        strict_1.default.equal(signed.port, 3000);
        await sandbox.expireSignedPreviewUrl(3000, signed.token);
    }
    finally {
        await sandbox.delete();
    }
});
(0, node_test_1.test)('a sandbox shows its data and nothing else', async () => {
    const sandbox = await daytona.create();
    try {
        strict_1.default.deepEqual(JSON.parse(JSON.stringify(sandbox)).id, sandbox.id);
        strict_1.default.match((0, node_util_1.inspect)(sandbox), /state: 'started'/);
        strict_1.default.doesNotMatch((0, node_util_1.inspect)(sandbox), /FileSystem|codeInterpreter|Connection/);
    }
    finally {
        await sandbox.delete();
    }
});
(0, node_test_1.test)('sandboxes are listed by a loop, by page and by part', async () => {
    const labels = { list: (0, node_crypto_1.randomUUID)() };
    const made = await Promise.all([1, 2, 3].map(() => daytona.create({ labels })));
    const ids = (sandboxes) => sandboxes.map(({ id }) => id).sort();
    try {
        const all = [];
        for await (const sandbox of daytona.list({ labels, limit: 2 })) {
            all.push(sandbox);
        }
        strict_1.default.deepEqual(ids(all), ids(made));
        const page = await daytona.list(labels, 1, 2);
        strict_1.default.equal(page.items.length, 2);
        strict_1.default.equal(page.total, 3);
        strict_1.default.equal(page.totalPages, 2);
        const fromPage = [];
        for await (const sandbox of page) {
            fromPage.push(sandbox);
        }
        strict_1.default.deepEqual(ids(fromPage), ids(made));
        const parts = [];
        for await (const part of daytona.list({ labels, limit: 2 }).parts()) {
            parts.push(part.items.length);
        }
        strict_1.default.deepEqual(parts, [2, 1]);
        const first = await daytona.list({ labels, states: ['started'] }).next();
        strict_1.default.equal(first.done, false);
    }
    finally {
        await Promise.all(made.map((sandbox) => sandbox.delete()));
    }
});
