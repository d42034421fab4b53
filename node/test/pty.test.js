"use strict";
var __addDisposableResource = (this && this.__addDisposableResource) || function (env, value, async) {
    if (value !== null && value !== void 0) {
        if (typeof value !== "object" && typeof value !== "function") throw new TypeError("Object expected.");
        var dispose, inner;
        if (async) {
            if (!Symbol.asyncDispose) throw new TypeError("Symbol.asyncDispose is not defined.");
            dispose = value[Symbol.asyncDispose];
        }
        if (dispose === void 0) {
            if (!Symbol.dispose) throw new TypeError("Symbol.dispose is not defined.");
            dispose = value[Symbol.dispose];
            if (async) inner = dispose;
        }
        if (typeof dispose !== "function") throw new TypeError("Object not disposable.");
        if (inner) dispose = function() { try { inner.call(this); } catch (e) { return Promise.reject(e); } };
        env.stack.push({ value: value, dispose: dispose, async: async });
    }
    else if (async) {
        env.stack.push({ async: true });
    }
    return value;
};
var __disposeResources = (this && this.__disposeResources) || (function (SuppressedError) {
    return function (env) {
        function fail(e) {
            env.error = env.hasError ? new SuppressedError(e, env.error, "An error was suppressed during disposal.") : e;
            env.hasError = true;
        }
        var r, s = 0;
        function next() {
            while (r = env.stack.pop()) {
                try {
                    if (!r.async && s === 1) return s = 0, env.stack.push(r), Promise.resolve().then(next);
                    if (r.dispose) {
                        var result = r.dispose.call(r.value);
                        if (r.async) return s |= 2, Promise.resolve(result).then(next, function(e) { fail(e); return next(); });
                    }
                    else s |= 1;
                }
                catch (e) {
                    fail(e);
                }
            }
            if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve();
            if (env.hasError) throw env.error;
        }
        return next();
    };
})(typeof SuppressedError === "function" ? SuppressedError : function (error, suppressed, message) {
    var e = new Error(message);
    return e.name = "SuppressedError", e.error = error, e.suppressed = suppressed, e;
});
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
(0, node_test_1.test)('a terminal hands its output to the handler and says how it ended', async () => {
    let output = '';
    const pty = await sandbox.process.createPty({
        id: 'handler',
        cols: 100,
        rows: 30,
        envs: { WORD: 'set' },
        onData: (data) => {
            output += Buffer.from(data).toString();
        },
    });
    await pty.waitForConnection();
    strict_1.default.equal(pty.sessionId, 'handler');
    strict_1.default.equal(pty.isConnected(), true);
    strict_1.default.equal(pty.exitCode, undefined);
    await pty.sendInput('stty size; echo "<$WORD>"; exit 7\n');
    const result = await pty.wait();
    strict_1.default.equal(result.exitCode, 7);
    strict_1.default.equal(pty.exitCode, 7);
    strict_1.default.match(output, /30 100/);
    strict_1.default.match(output, /<set>/);
    strict_1.default.equal(pty.isConnected(), false);
    await strict_1.default.rejects(pty.sendInput('x'), sdk_1.DaytonaClosedError);
});
(0, node_test_1.test)('inputs arrive in the order they were sent, waited for or not', async () => {
    const pty = await sandbox.process.createPty();
    const numbers = Array.from({ length: 500 }, (_, number) => `${number} `);
    const expected = numbers.join('');
    await pty.sendInput(`stty raw -echo; echo rea''dy; head -c ${expected.length}; exit\n`);
    let output = '';
    for await (const data of pty) {
        output += data.toString();
        if (output.includes('ready')) {
            break;
        }
    }
    await Promise.all(numbers.map((number) => pty.sendInput(number)));
    for await (const data of pty) {
        output += data.toString();
    }
    strict_1.default.ok(output.includes(expected), output);
});
(0, node_test_1.test)('a terminal can be read between inputs', async () => {
    const env_1 = { stack: [], error: void 0, hasError: false };
    try {
        const pty = __addDisposableResource(env_1, await sandbox.process.createPty(), true);
        const readUntil = async (wanted) => {
            let output = '';
            for await (const data of pty) {
                output += data.toString();
                if (wanted.test(output)) {
                    return output;
                }
            }
            throw new strict_1.default.AssertionError({ message: `ended without ${wanted}: ${output}` });
        };
        await pty.sendInput('echo first-$((1+1))\n');
        await readUntil(/first-2/);
        strict_1.default.equal((await pty.resize(120, 40)).cols, 120);
        strict_1.default.equal((await pty.resize({ cols: 90, rows: 20 })).rows, 20);
        await pty.sendInput(Buffer.from('stty size\n'));
        await readUntil(/20 90/);
    }
    catch (e_1) {
        env_1.error = e_1;
        env_1.hasError = true;
    }
    finally {
        const result_1 = __disposeResources(env_1);
        if (result_1)
            await result_1;
    }
});
(0, node_test_1.test)('of sizes given without waiting the last one stays', async () => {
    const pty = await sandbox.process.createPty({ id: 'sizes' });
    for (let round = 1; round <= 5; round++) {
        await Promise.all(Array.from({ length: 20 }, (_, n) => pty.resize(50 + n * round, 10 + n)));
        const { cols, rows } = await sandbox.process.getPtySessionInfo('sizes');
        strict_1.default.deepEqual([cols, rows], [50 + 19 * round, 29]);
    }
    await pty.kill();
});
(0, node_test_1.test)('a session outlives its connection', async () => {
    const first = await sandbox.process.createPty({ id: 'again' });
    await first.sendInput('kept=yes\n');
    await first.disconnect();
    strict_1.default.equal(first.isConnected(), false);
    strict_1.default.deepEqual(await first.wait(), {});
    const second = await sandbox.process.connectPty('again');
    await second.sendInput('echo "kept: <$kept>"; exit\n');
    let output = '';
    for await (const data of second) {
        output += data.toString();
    }
    strict_1.default.match(output, /kept: <yes>/);
    strict_1.default.equal(second.exitCode, 0);
});
(0, node_test_1.test)('a killed terminal ends', async () => {
    const pty = await sandbox.process.createPty({ id: 'killed', onData: () => { } });
    await pty.kill();
    await pty.wait();
    strict_1.default.equal((await sandbox.process.listPtySessions()).some(({ id, active }) => id === 'killed' && active), false);
});
(0, node_test_1.test)('an error of the handler is reported by wait', async () => {
    const pty = await sandbox.process.createPty({
        onData: () => {
            throw new RangeError('mine');
        },
    });
    await pty.sendInput('echo\n');
    await strict_1.default.rejects(pty.wait(), { name: 'RangeError', message: 'mine' });
    await pty.disconnect();
});
(0, node_test_1.test)('a size no terminal has is refused', async () => {
    await strict_1.default.rejects(sandbox.process.createPty({ cols: 0 }), sdk_1.DaytonaValidationError);
});
