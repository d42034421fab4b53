"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_stream_1 = require("node:stream");
const promises_1 = require("node:stream/promises");
const node_test_1 = require("node:test");
const sdk_1 = require("@daytonaio/sdk");
const support_js_1 = require("./support.js");
let sandbox;
(0, support_js_1.sandboxForFile)((made) => {
    sandbox = made;
});
/** Spawns a process for the length of a test. */
async function withProcess(command, options, run) {
    const process = await sandbox.process.spawn(command, options);
    try {
        await run(process);
    }
    finally {
        await process.release();
    }
}
async function collected(items) {
    const all = [];
    for await (const item of items) {
        all.push(item);
    }
    return all;
}
(0, node_test_1.test)('outputs are apart, as bytes, text, lines and streams, again and again', async () => {
    const command = "printf 'ä\\n\\nno end'; printf '\\377\\376' >&2; exit 3";
    await withProcess(command, {}, async (process) => {
        strict_1.default.equal(await process.wait(30), 3);
        strict_1.default.equal(process.exitCode, 3);
        strict_1.default.equal(await process.stdout.text(), 'ä\n\nno end');
        strict_1.default.deepEqual(await collected(process.stdout.lines()), ['ä', '', 'no end']);
        strict_1.default.equal((await collected(process.stdout.decoded())).join(''), 'ä\n\nno end');
        strict_1.default.deepEqual(Buffer.concat(await collected(process.stderr)), Buffer.from([0xff, 0xfe]));
        strict_1.default.deepEqual(await process.stderr.bytes(), Buffer.from([0xff, 0xfe]));
        strict_1.default.deepEqual(Buffer.concat(await collected(process.stdout.readable())).toString(), 'ä\n\nno end');
        strict_1.default.equal(await new Response(process.stdout.web()).text(), 'ä\n\nno end');
    });
});
(0, node_test_1.test)('both outputs come together in order, with their channels, and to handlers', async () => {
    const command = 'echo 1; sleep 0.05; echo 2 >&2; sleep 0.05; echo 3; exit 4';
    await withProcess(command, {}, async (process) => {
        const seen = await collected(await process.output());
        strict_1.default.deepEqual(seen.map(({ channel, text }) => [channel, text]), [
            ['stdout', '1\n'],
            ['stderr', '2\n'],
            ['stdout', '3\n'],
        ]);
        const taken = [];
        const exitCode = await process.forward({
            onStdout: (text) => taken.push(`out ${text}`),
            onStderr: (text) => taken.push(`err ${text}`),
        });
        strict_1.default.equal(exitCode, 4);
        strict_1.default.equal(taken.join(''), 'out 1\nerr 2\nout 3\n');
    });
});
(0, node_test_1.test)('what a handler throws ends the reading and not the process', async () => {
    await withProcess('echo one; cat', { stdin: true }, async (process) => {
        const onStdout = () => {
            throw new Error('enough');
        };
        await strict_1.default.rejects(process.forward({ onStdout }), /enough/);
        await process.closeStdin();
        strict_1.default.equal(await process.wait(30), 0);
    });
});
(0, node_test_1.test)('a character cut in two is whole in text and lines', async () => {
    await withProcess("printf '\\303'; sleep 0.1; printf '\\244\\nx'", {}, async (process) => {
        strict_1.default.deepEqual(await collected(process.stdout.lines()), ['ä', 'x']);
    });
});
(0, node_test_1.test)('a byte order mark is output like any other', async () => {
    await withProcess("printf '\\357\\273\\277x'", {}, async (process) => {
        strict_1.default.equal(await process.stdout.text(), '\ufeffx');
    });
});
(0, node_test_1.test)('a long line is put together, and a slow reader loses nothing', async () => {
    await withProcess('seq 200000 | tr "\\n" " "; echo; echo end', {}, async (process) => {
        const [long, end, ...others] = await collected(process.stdout.lines());
        strict_1.default.equal(long?.split(' ').length, 200001);
        strict_1.default.deepEqual([end, others], ['end', []]);
    });
});
(0, node_test_1.test)('input arrives in the order it was written, as text, bytes and a stream', async () => {
    await withProcess('cat', { stdin: true }, async (process) => {
        const writes = [process.write('one '), process.write(Buffer.from([0, 255])), process.write(' two')];
        await Promise.all([...writes, process.closeStdin()]);
        strict_1.default.equal(await process.wait(30), 0);
        const expected = Buffer.concat([Buffer.from('one '), Buffer.from([0, 255]), Buffer.from(' two')]);
        strict_1.default.deepEqual(await process.stdout.bytes(), expected);
        await strict_1.default.rejects(process.write('late'), sdk_1.DaytonaCommandAlreadyCompletedError);
    });
    await withProcess('sort', { stdin: true }, async (process) => {
        await (0, promises_1.pipeline)(node_stream_1.Readable.from(['b\n', 'a\n']), process.writable());
        strict_1.default.equal(await process.stdout.text(), 'a\nb\n');
    });
    await withProcess('sleep 100', {}, (process) => strict_1.default.rejects(process.write('x'), sdk_1.DaytonaInvalidArgumentError));
});
(0, node_test_1.test)('a wait that times out or is aborted leaves the process and its output', async () => {
    await withProcess('echo early; sleep 1000', {}, async (process) => {
        strict_1.default.equal(await process.waitForLog('early'), 'early');
        await strict_1.default.rejects(process.wait(0.1), sdk_1.DaytonaTimeoutError);
        await strict_1.default.rejects(process.wait({ signal: AbortSignal.timeout(50) }), sdk_1.DaytonaCancelledError);
        strict_1.default.equal(await process.poll(), undefined);
        strict_1.default.equal(process.exitCode, undefined);
        strict_1.default.equal(await process.stdout.text({ follow: false }), 'early\n');
        await process.kill();
        strict_1.default.equal(await process.wait(30), 137);
        strict_1.default.equal(await process.poll(), 137);
        strict_1.default.equal(await process.stdout.text(), 'early\n');
    });
});
(0, node_test_1.test)('signals have names and numbers', async () => {
    for (const signal of ['SIGTERM', 'TERM', 15]) {
        await withProcess('sleep 1000', {}, async (process) => {
            await process.sendSignal(signal);
            strict_1.default.equal(await process.wait(30), 143);
        });
    }
});
(0, node_test_1.test)('directory and environment are those given', async () => {
    await withProcess('pwd; echo "$SECRET"', { cwd: '/tmp', env: { SECRET: 's3cret' } }, async (process) => {
        strict_1.default.equal(process.cwd, '/tmp');
        strict_1.default.equal(await process.stdout.text(), '/tmp\ns3cret\n');
        strict_1.default.ok(!JSON.stringify(process).includes('s3cret'));
    });
});
(0, node_test_1.test)('a process is found again by its id and from what its handle said', async () => {
    await withProcess('cat', { stdin: true }, async (process) => {
        const [listed] = (await sandbox.process.listSpawned()).filter(({ id }) => id === process.id);
        strict_1.default.deepEqual(listed?.toJSON(), process.toJSON());
        const attached = await sandbox.process.attach(process.id);
        strict_1.default.equal(attached.command, 'cat');
        await attached.write('from elsewhere');
        await (await sandbox.process.attach(JSON.parse(JSON.stringify(process)))).closeStdin();
        strict_1.default.equal(await process.stdout.text(), 'from elsewhere');
        strict_1.default.equal((await sandbox.process.getSpawned(process.id)).exitCode, 0);
        await process.release();
        await process.release();
        await strict_1.default.rejects(sandbox.process.attach(process.id), sdk_1.DaytonaProcessNotFoundError);
    });
});
(0, node_test_1.test)('disposal releases the process with everything it started', async () => {
    const process = await sandbox.process.spawn('sleep 4321 & sleep 4321');
    await (0, support_js_1.until)(async () => (await sandbox.process.executeCommand('pgrep -cfx "sleep 4321"')).result === '2\n');
    await process[Symbol.asyncDispose]();
    strict_1.default.equal((await sandbox.process.executeCommand('pgrep -cfx "sleep 4321"')).result, '0\n');
});
(0, node_test_1.test)('readers that stop early leave nothing open, also while they wait', async () => {
    const before = (0, sdk_1.debugStats)().streams;
    await withProcess('echo one; cat', { stdin: true }, async (process) => {
        for await (const line of process.stdout.lines()) {
            strict_1.default.equal(line, 'one');
            break;
        }
        const stream = process.stdout.readable();
        stream.once('data', (data) => strict_1.default.equal(data.toString(), 'one\n'));
        await (0, support_js_1.until)(() => stream.readableFlowing === true && stream.listenerCount('data') === 0);
        stream.destroy();
        const reader = process.stdout.web().getReader();
        strict_1.default.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'one\n');
        const waiting = reader.read();
        await reader.cancel();
        strict_1.default.equal((await waiting).done, true);
        const signal = AbortSignal.timeout(50);
        await strict_1.default.rejects(process.stdout.text({ signal }), sdk_1.DaytonaCancelledError);
        await (0, support_js_1.until)(() => (0, sdk_1.debugStats)().streams === before);
    });
});
(0, node_test_1.test)('ports and lines are waited for', async () => {
    await withProcess('python3 -um http.server 8765 --bind 127.0.0.1', {}, async (server) => {
        await sandbox.process.waitForPort(8765, 30);
        strict_1.default.match(await server.waitForLog(/PORT \d+/i, { channel: 'stdout' }), /port 8765/);
    });
    await strict_1.default.rejects(sandbox.process.waitForPort(8766, 0.1), sdk_1.DaytonaTimeoutError);
    await sandbox.process.createSession('waits');
    const request = { command: 'echo up; sleep 1000', runAsync: true };
    const { cmdId } = await sandbox.process.executeSessionCommand('waits', request);
    strict_1.default.equal(await sandbox.process.waitForLog('waits', cmdId, 'u', 30), 'up');
    await strict_1.default.rejects(sandbox.process.waitForLog('waits', cmdId, /^down$/, { timeout: 0.1 }), sdk_1.DaytonaTimeoutError);
    await sandbox.process.deleteSession('waits');
});
