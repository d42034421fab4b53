"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_crypto_1 = require("node:crypto");
const node_fs_1 = require("node:fs");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const node_test_1 = require("node:test");
const sdk_1 = require("@daytonaio/sdk");
const support_js_1 = require("./support.js");
let sandbox;
(0, support_js_1.sandboxForFile)((made) => {
    sandbox = made;
});
const local = (0, node_fs_1.mkdtempSync)((0, node_path_1.join)((0, node_os_1.tmpdir)(), 'daytona-directories-'));
(0, node_test_1.after)(() => (0, node_fs_1.rmSync)(local, { recursive: true }));
(0, node_test_1.before)(() => {
    (0, node_fs_1.mkdirSync)((0, node_path_1.join)(local, 'project', 'sub'), { recursive: true });
    (0, node_fs_1.mkdirSync)((0, node_path_1.join)(local, 'project', 'node_modules'));
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'project', 'run.sh'), '#!/bin/sh\n');
    (0, node_fs_1.chmodSync)((0, node_path_1.join)(local, 'project', 'run.sh'), 0o755);
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'project', 'sub', 'data'), (0, node_crypto_1.randomBytes)(3000));
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'project', 'node_modules', 'big.js'), '');
    (0, node_fs_1.mkdirSync)((0, node_path_1.join)(local, 'large'));
    (0, node_fs_1.writeFileSync)((0, node_path_1.join)(local, 'large', 'noise'), (0, node_crypto_1.randomBytes)(60 << 20));
});
/** Whether the sandbox still has something of a transfer. */
async function leftovers(path) {
    return (await sandbox.process.executeCommand(`ls -d ${path}* /tmp/.daytona-* 2>/dev/null`)).result;
}
(0, node_test_1.test)('a directory goes up and comes down as it is, without what is excluded', async () => {
    const { fs } = sandbox;
    const up = await fs.uploadDir((0, node_path_1.join)(local, 'project'), 'project', { exclude: ['node_modules'] });
    strict_1.default.deepEqual(up, { files: 2, bytes: 3010, skipped: [] });
    const down = await fs.downloadDir('project', (0, node_path_1.join)(local, 'down'), { timeout: 60 });
    strict_1.default.deepEqual(down, { files: 2, bytes: 3010, skipped: [] });
    strict_1.default.deepEqual((0, node_fs_1.readdirSync)((0, node_path_1.join)(local, 'down')).sort(), ['run.sh', 'sub']);
    strict_1.default.equal((0, node_fs_1.statSync)((0, node_path_1.join)(local, 'down', 'run.sh')).mode & 0o777, 0o755);
    const data = (name) => (0, node_fs_1.readFileSync)((0, node_path_1.join)(local, name, 'sub', 'data'));
    strict_1.default.ok(data('down').equals(data('project')));
});
(0, node_test_1.test)('progress goes up to the whole, and is known beforehand for uploads', async () => {
    const seen = [];
    const onProgress = (progress) => seen.push(progress);
    const { bytes } = await sandbox.fs.uploadDir((0, node_path_1.join)(local, 'large'), 'large', { onProgress });
    strict_1.default.equal(bytes, 60 << 20);
    strict_1.default.ok(seen.length > 0);
    strict_1.default.deepEqual(seen.map(({ totalFiles, totalBytes }) => [totalFiles, totalBytes]), seen.map(() => [1, bytes]));
    strict_1.default.deepEqual(seen.map((progress) => progress.bytes), seen.map((progress) => progress.bytes).sort((a, b) => a - b));
});
(0, node_test_1.test)('a transfer that is aborted, or whose handler throws, leaves nothing behind', async () => {
    const giveUp = new AbortController();
    const options = { onProgress: () => giveUp.abort(new Error('changed my mind')), signal: giveUp.signal };
    await strict_1.default.rejects(sandbox.fs.uploadDir((0, node_path_1.join)(local, 'large'), 'aborted', options), (error) => {
        strict_1.default.ok(error instanceof sdk_1.DaytonaCancelledError);
        strict_1.default.match(String(error.cause), /changed my mind/);
        return true;
    });
    await (0, support_js_1.until)(async () => (await leftovers('aborted')) === '');
    const onProgress = () => {
        throw new Error('handler broke');
    };
    await strict_1.default.rejects(sandbox.fs.uploadDir((0, node_path_1.join)(local, 'large'), 'broken', { onProgress }), /handler broke/);
    await (0, support_js_1.until)(async () => (await leftovers('broken')) === '');
    await strict_1.default.rejects(sandbox.fs.downloadDir('large', (0, node_path_1.join)(local, 'never'), { onProgress }), /handler broke/);
    await (0, support_js_1.until)(async () => (await leftovers('broken')) === '' && !(0, node_fs_1.readdirSync)(local).includes('never'));
    await (0, support_js_1.until)(() => (0, sdk_1.debugStats)().streams === 0);
});
(0, node_test_1.test)('what cannot be transferred is an error of its kind', async () => {
    await strict_1.default.rejects(sandbox.fs.downloadDir('nowhere', (0, node_path_1.join)(local, 'x')), sdk_1.DaytonaFileNotFoundError);
    await strict_1.default.rejects(sandbox.fs.uploadDir((0, node_path_1.join)(local, 'nowhere'), 'x'), sdk_1.DaytonaInvalidArgumentError);
    const bad = sandbox.fs.uploadDir((0, node_path_1.join)(local, 'project'), 'x', { exclude: ['a['] });
    await strict_1.default.rejects(bad, sdk_1.DaytonaInvalidArgumentError);
});
