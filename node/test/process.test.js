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
(0, support_js_1.sandboxForFile)((made) => {
    sandbox = made;
});
(0, node_test_1.test)('a command takes its options by position and by name', async () => {
    const { process } = sandbox;
    const positional = await process.executeCommand('pwd; echo $A', '/tmp', { A: '1' }, 10);
    strict_1.default.equal(positional.result, '/tmp\n1\n');
    strict_1.default.equal(positional.exitCode, 0);
    strict_1.default.equal(positional.artifacts?.stdout, '/tmp\n1\n');
    const named = await process.executeCommand('pwd; echo $A', { cwd: '/tmp', env: { A: '1' }, timeout: 10 });
    strict_1.default.equal(named.result, positional.result);
});
(0, node_test_1.test)('a command that takes too long is killed', async () => {
    const late = `late-${Date.now()}`;
    const call = sandbox.process.executeCommand(`sleep 2; touch ${late}`, undefined, undefined, 1);
    await strict_1.default.rejects(call, (error) => {
        strict_1.default.ok(error instanceof sdk_1.DaytonaProcessExecutionTimeoutError && error instanceof sdk_1.DaytonaTimeoutError);
        return true;
    });
    const { result } = await sandbox.process.executeCommand(`sleep 2; ls ${late} 2>&1 || true`);
    strict_1.default.match(result, /No such file/);
});
(0, node_test_1.test)('aborting a call stops the command', async () => {
    const controller = new AbortController();
    const mark = `/tmp/mark-${Date.now()}`;
    const call = sandbox.process.executeCommand(`touch ${mark}; sleep 2; touch ${mark}-late`, {
        signal: controller.signal,
    });
    const aborted = strict_1.default.rejects(call, (error) => {
        strict_1.default.ok(error instanceof sdk_1.DaytonaCancelledError);
        strict_1.default.equal(error.name, 'AbortError');
        strict_1.default.equal(error.cause, 'enough');
        strict_1.default.equal(error.operation, 'process.exec');
        return true;
    });
    await (0, support_js_1.until)(async () => (await sandbox.process.executeCommand(`ls ${mark}`)).exitCode === 0);
    controller.abort('enough');
    await aborted;
    const { exitCode } = await sandbox.process.executeCommand(`sleep 3; ls ${mark}-late`);
    strict_1.default.notEqual(exitCode, 0);
});
(0, node_test_1.test)('a signal that is aborted already starts nothing', async () => {
    const mark = `/tmp/never-${Date.now()}`;
    const call = sandbox.process.executeCommand(`touch ${mark}`, { signal: AbortSignal.abort() });
    await strict_1.default.rejects(call, { name: 'AbortError' });
    strict_1.default.notEqual((await sandbox.process.executeCommand(`ls ${mark}`)).exitCode, 0);
});
(0, node_test_1.test)('code runs in the language of the sandbox or in another one', async () => {
    const python = await sandbox.process.codeRun('import sys; print(sys.argv[1:])', { argv: ['a', 'b'] });
    strict_1.default.equal(python.result, "['a', 'b']\n");
    const javascript = await sandbox.process.codeRun('console.log(process.env.A)', {
        env: { A: 'yes' },
        language: 'javascript',
    });
    strict_1.default.equal(javascript.result, 'yes\n');
});
(0, node_test_1.test)('charts of a run have the fields of their kind', async () => {
    const code = `
import matplotlib.pyplot as plt
plt.bar(['a', 'b'], [1, 2])
plt.xlabel('letters')
plt.title('Bars')
plt.show()`;
    const { artifacts } = await sandbox.process.codeRun(code);
    const chart = (0, sdk_1.parseChart)(artifacts?.charts?.[0] ?? strict_1.default.fail('no chart'));
    strict_1.default.ok(chart.type === 'bar');
    strict_1.default.equal(chart.title, 'Bars');
    strict_1.default.equal(chart.x_label, 'letters');
    strict_1.default.equal(chart.elements.length, 2);
    strict_1.default.equal(Buffer.from(chart.png ?? '', 'base64')
        .subarray(1, 4)
        .toString(), 'PNG');
});
(0, node_test_1.test)('the log of a session command can be taken live by handlers and by a loop', async () => {
    const { process } = sandbox;
    await process.createSession('logs');
    const command = 'for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.1; done';
    const { cmdId } = await process.executeSessionCommand('logs', { command, async: true });
    const taken = { stdout: '', stderr: '' };
    await process.getSessionCommandLogs('logs', cmdId, async (text) => {
        taken.stdout += text;
    }, (text) => {
        taken.stderr += text;
    });
    strict_1.default.deepEqual(taken, { stdout: 'out 1\nout 2\nout 3\n', stderr: 'err 1\nerr 2\nerr 3\n' });
    const chunks = [];
    for await (const chunk of await process.streamSessionCommandLogs('logs', cmdId)) {
        chunks.push(chunk);
    }
    const stdout = chunks.filter((chunk) => chunk.channel === 'stdout').map((chunk) => chunk.data);
    strict_1.default.equal(Buffer.concat(stdout).toString(), taken.stdout);
    const logs = await process.getSessionCommandLogs('logs', cmdId);
    strict_1.default.equal(logs.stderr, taken.stderr);
    await process.deleteSession('logs');
});
(0, node_test_1.test)('characters cut in two arrive whole as text and as they were as bytes', async () => {
    const { process } = sandbox;
    await process.createSession('cut');
    const command = String.raw `printf 'a\xe2\x82'; sleep 0.3; printf '\xac\xf0\x9f'; sleep 0.3; printf '\x9a\x80\xff'`;
    const { cmdId } = await process.executeSessionCommand('cut', { command, runAsync: true });
    let text = '';
    const pieces = [];
    for await (const chunk of await process.streamSessionCommandLogs('cut', cmdId)) {
        text += chunk.text;
        pieces.push(chunk.data);
    }
    strict_1.default.match(text, /^a€🚀\ufffd\n?$/);
    strict_1.default.equal(Buffer.concat(pieces).subarray(0, 9).toString('hex'), '61e282acf09f9a80ff');
    await process.deleteSession('cut');
});
(0, node_test_1.test)('leaving the loop over a log closes it, and the command goes on', async () => {
    const { process } = sandbox;
    await process.createSession('leave');
    const command = 'echo one; sleep 1; echo two';
    const { cmdId } = await process.executeSessionCommand('leave', { command, runAsync: true });
    for await (const chunk of await process.streamSessionCommandLogs('leave', cmdId)) {
        if (chunk.text) {
            break;
        }
    }
    await (0, support_js_1.until)(async () => (await process.getSessionCommand('leave', cmdId)).exitCode === 0);
    strict_1.default.equal((await process.getSessionCommandLogs('leave', cmdId)).stdout, 'one\ntwo\n');
    await process.deleteSession('leave');
});
(0, node_test_1.test)('an error of a log handler reaches the caller', async () => {
    const { process } = sandbox;
    await process.createSession('handler');
    const { cmdId } = await process.executeSessionCommand('handler', { command: 'echo x; sleep 30', runAsync: true });
    const call = process.getSessionCommandLogs('handler', cmdId, () => {
        throw new TypeError('mine');
    }, () => { });
    await strict_1.default.rejects(call, { name: 'TypeError', message: 'mine' });
    await process.deleteSession('handler');
});
(0, node_test_1.test)('a signal ends a log that is being followed', async () => {
    const { process } = sandbox;
    const controller = new AbortController();
    await process.createSession('follow');
    const { cmdId } = await process.executeSessionCommand('follow', { command: 'echo x; sleep 30', runAsync: true });
    const call = process.getSessionCommandLogs('follow', cmdId, () => controller.abort(), () => { }, {
        signal: controller.signal,
    });
    await strict_1.default.rejects(call, sdk_1.DaytonaCancelledError);
    await process.deleteSession('follow');
});
