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
async function refused(call, ...words) {
    await strict_1.default.rejects(call, (error) => {
        (0, strict_1.default)(error instanceof sdk_1.DaytonaInvalidArgumentError, String(error));
        for (const word of words) {
            (0, strict_1.default)(error.message.includes(word), `${word} in ${error.message}`);
        }
        return true;
    });
}
async function withProcess(use) {
    const env_1 = { stack: [], error: void 0, hasError: false };
    try {
        const process = __addDisposableResource(env_1, await sandbox.process.spawn('cat', { stdin: true }), true);
        await use(process);
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
}
(0, node_test_1.test)('a timeout that is no number never stands for no limit', async () => {
    await withProcess(async (process) => {
        for (const timeout of [Number.NaN, Number.POSITIVE_INFINITY, '5', [5], true]) {
            await refused(() => process.wait(timeout), 'timeout', '0 for no limit');
            await refused(() => process.waitForLog('x', timeout), 'timeout');
            await refused(() => sandbox.process.waitForPort(80, timeout), 'timeout');
            await refused(() => sandbox.fs.uploadFile(Buffer.from('x'), 'x', timeout), 'timeout');
        }
        await refused(() => process.wait({ timeout: Number.NaN }), 'timeout', 'NaN');
    });
});
(0, node_test_1.test)('what JSON would drop or change is refused by name', async () => {
    await refused(() => sandbox.process.spawn(10n), 'command', '10n');
    await refused(() => sandbox.git.clone('/tmp', 'x', { depth: Number.NaN }), 'depth', 'NaN');
    await refused(() => sandbox.process.spawn('true', { env: new Map([['TOKEN', 'secret']]) }), 'env', 'Map');
    await refused(() => sandbox.fs.uploadDir('/tmp', 'x', { exclude: new Set(['*']) }), 'exclude');
});
(0, node_test_1.test)('errors about arguments do not show what objects hold', async () => {
    const env = new Map([['TOKEN', 'secret']]);
    await strict_1.default.rejects(sandbox.process.spawn('true', { env }), (error) => !error.message.includes('secret'));
});
(0, node_test_1.test)('content is text or bytes, and nothing that could be taken for either', async () => {
    await withProcess(async (process) => {
        const writer = await sandbox.fs.openUpload('never');
        const terminal = await sandbox.process.createPty();
        for (const data of [undefined, null, 5, [300], new Uint16Array([300]), new ArrayBuffer(2), {}]) {
            await refused(() => process.write(data), 'text or a Uint8Array');
            await refused(() => writer.write(data), 'text or a Uint8Array');
            await refused(() => terminal.sendInput(data), 'text or a Uint8Array');
            await refused(() => sandbox.fs.uploadFile(data, 'never'), 'source');
        }
        writer.close();
        await terminal.kill();
        await refused(() => sandbox.fs.uploadFileStream([1], 'never'), 'piece');
        await refused(() => sandbox.fs.uploadFileStream(new Blob(['x']), 'never'), 'source', 'stream()');
        // A number is the index of another file's content on the way to the core.
        const files = [
            { source: Buffer.from('private'), destination: 'one' },
            { source: 0, destination: 'two' },
        ];
        await refused(() => sandbox.fs.uploadFiles(files), 'source');
    });
});
(0, node_test_1.test)('a signal, handlers and patterns are looked at before anything is done', async () => {
    await refused(() => sandbox.process.spawn('true', { signal: {} }), 'signal', 'AbortSignal');
    await withProcess(async (process) => {
        await refused(() => process.forward({ onStdout: 5 }), 'handler', 'function');
        await refused(() => process.waitForLog(5), 'pattern');
    });
    for (const process of [undefined, 5, {}, { id: 'x' }]) {
        await refused(() => sandbox.process.attach(process), 'toJSON()');
    }
});
(0, node_test_1.test)('null stands for an option that is not given', async () => {
    const nothing = null;
    const { result } = await sandbox.process.executeCommand('echo "$A"', nothing, { A: 'kept' });
    strict_1.default.equal(result, 'kept\n');
    await (await sandbox.process.spawn('true', nothing)).release();
    await refused(() => sandbox.process.spawn('true', 5), 'options');
});
(0, node_test_1.test)('a local file that is not there is the same error with and without progress', async () => {
    await refused(() => sandbox.fs.uploadFileStream('/nowhere/at/all', 'x'), '/nowhere/at/all');
    await refused(() => sandbox.fs.uploadFileStream('/nowhere/at/all', 'x', { onProgress() { } }), '/nowhere/at/all');
});
