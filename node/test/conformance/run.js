"use strict";
// Runs the shared cases through the public API: see tests/conformance/README.md.
//
//   npm run conformance [-- <part of a case's name> …]
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __setModuleDefault = (this && this.__setModuleDefault) || (Object.create ? (function(o, v) {
    Object.defineProperty(o, "default", { enumerable: true, value: v });
}) : function(o, v) {
    o["default"] = v;
});
var __importStar = (this && this.__importStar) || (function () {
    var ownKeys = function(o) {
        ownKeys = Object.getOwnPropertyNames || function (o) {
            var ar = [];
            for (var k in o) if (Object.prototype.hasOwnProperty.call(o, k)) ar[ar.length] = k;
            return ar;
        };
        return ownKeys(o);
    };
    return function (mod) {
        if (mod && mod.__esModule) return mod;
        var result = {};
        if (mod != null) for (var k = ownKeys(mod), i = 0; i < k.length; i++) if (k[i] !== "default") __createBinding(result, mod, k[i]);
        __setModuleDefault(result, mod);
        return result;
    };
})();
Object.defineProperty(exports, "__esModule", { value: true });
const node_crypto_1 = require("node:crypto");
const node_fs_1 = require("node:fs");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const sdk = __importStar(require("@daytonaio/sdk"));
const sdk_1 = require("@daytonaio/sdk");
const matching_js_1 = require("./matching.js");
const operations_js_1 = require("./operations.js");
const RUNNER = 'typescript';
/** Where requests are recorded; nothing when they are not. It must know whose requests it sees: one case at a time. */
/** Cases and results of another server than the newest. */
const runDirectory = process.env.DAYTONA_CONFORMANCE;
const recorder = process.env.DAYTONA_CONFORMANCE_RECORDER;
const CONCURRENCY = recorder ? 1 : 4;
const root = (0, node_path_1.join)(__dirname, '..', '..', '..');
const fixtures = (0, node_path_1.join)(root, 'tests', 'conformance', 'fixtures');
const wanted = process.argv.slice(2);
const daytona = new sdk_1.Daytona();
/** Runs a step until it does what it should; why it did not is thrown. */
async function runStep(step, sandbox, names) {
    const retryUntil = performance.now() + (step.retryFor ?? 0) * 1000;
    for (;;) {
        const reason = await recordedAttempt(step, sandbox, names);
        if (reason === undefined) {
            return;
        }
        if (performance.now() > retryUntil) {
            throw new Error(`${step.op}: ${reason}`);
        }
        await new Promise((done) => setTimeout(done, 50));
    }
}
/** An attempt whose requests are compared, where there is a recorder. */
async function recordedAttempt(step, sandbox, names) {
    if (!recorder || !step.requests) {
        return attempt(step, sandbox, names);
    }
    return ((await tellRecorder(names, null)) ??
        (await attempt(step, sandbox, names)) ??
        (await tellRecorder(names, step.requests)));
}
/** Tells the recorder of a step and returns what differs. */
async function tellRecorder(known, requests) {
    const body = JSON.stringify({ runner: RUNNER, known, requests });
    const answer = await fetch(recorder, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
    });
    return answer.ok ? undefined : answer.text();
}
async function attempt(step, sandbox, names) {
    const operation = operations_js_1.operations[step.op];
    if (!operation) {
        return 'this runner does not know the operation';
    }
    const { options = {}, ...args } = (0, matching_js_1.withBytes)((0, matching_js_1.resolve)(step.args ?? {}, names));
    const signal = step.cancelAfter === undefined ? undefined : AbortSignal.timeout(step.cancelAfter * 1000);
    let result;
    try {
        result = await operation({
            daytona,
            sandbox,
            args,
            options: { ...options, ...(signal && { signal }) },
            input: ((0, matching_js_1.resolve)(step.input ?? [], names) ?? []),
            pieces: (0, matching_js_1.withBytes)((0, matching_js_1.resolve)(step.pieces ?? [], names)),
            detach: step.detach ?? false,
        });
    }
    catch (error) {
        if (step.cancelled) {
            return error instanceof sdk_1.DaytonaCancelledError ? undefined : `expected to be cancelled, got ${error}`;
        }
        return step.error ? wrongError(step.error, error, names) : String(error);
    }
    if (step.error || step.cancelled) {
        return `expected ${step.error?.kind ?? 'to be cancelled'}, got ${JSON.stringify(result)?.slice(0, 300)}`;
    }
    const reason = step.expect === undefined ? undefined : (0, matching_js_1.mismatch)((0, matching_js_1.resolve)(step.expect, names), result);
    if (reason === undefined) {
        for (const [name, path] of Object.entries(step.save ?? {})) {
            names[name] = path
                .split('.')
                .reduce((at, key) => (key === '' ? at : at?.[key]), result);
        }
    }
    return reason;
}
function wrongError(expected, error, names) {
    const errorClass = sdk[`Daytona${expected.kind}Error`];
    if (!(error instanceof (errorClass ?? sdk_1.DaytonaError))) {
        return `expected ${expected.kind}, got ${error}`;
    }
    const { status, code, message } = (0, matching_js_1.resolve)(expected, names);
    const wanted = { ...(status && { statusCode: status }), ...(code && { code }), ...(message ? { message } : {}) };
    return (0, matching_js_1.mismatch)(wanted, { statusCode: error.statusCode, code: error.code, message: error.message }, 'error');
}
async function runCase(name, item, shared) {
    const tmp = (0, node_fs_1.mkdtempSync)((0, node_path_1.join)((0, node_os_1.tmpdir)(), 'daytona-conformance-'));
    const unique = (0, node_crypto_1.randomBytes)(6).toString('hex');
    const names = { unique, tmp, home: '/home/daytona', fixtures };
    let sandbox = shared;
    let error = null;
    try {
        if (item.sandbox === 'own') {
            sandbox = await daytona.create((0, matching_js_1.resolve)(item.create ?? {}, names));
        }
        names.sandbox = sandbox.id;
        for (const step of item.steps) {
            await runStep(step, sandbox, names);
        }
    }
    catch (reason) {
        error = reason.message;
    }
    finally {
        if (sandbox !== shared) {
            // The case may have deleted it.
            await sandbox.delete().catch(() => { });
        }
        (0, node_fs_1.rmSync)(tmp, { recursive: true, force: true });
    }
    console.log(error === null ? `ok ${RUNNER} ${name}` : `FAILED ${RUNNER} ${name}: ${error}`);
    return { case: name, ok: error === null, ops: [...new Set(item.steps.map((step) => step.op))], error };
}
function unusedOperations(cases) {
    const { services } = JSON.parse((0, node_fs_1.readFileSync)((0, node_path_1.join)(root, 'schema', 'daytona.json'), 'utf8'));
    const used = new Set(cases.flatMap(([, { steps }]) => steps.map((step) => step.op)));
    const ids = services.flatMap((service) => service.ops.map((op) => op.id));
    return ids.filter((id) => !used.has(id));
}
async function main() {
    const directory = (0, node_path_1.join)(runDirectory ?? (0, node_path_1.join)(root, 'tests', 'conformance'), 'cases');
    const files = (0, node_fs_1.readdirSync)(directory).filter((file) => file.endsWith('.json'));
    const all = files.flatMap((file) => JSON.parse((0, node_fs_1.readFileSync)((0, node_path_1.join)(directory, file), 'utf8')).map((item) => [
        `${file.replace(/\.json$/, '')}/${item.name}`,
        item,
    ]));
    const cases = all
        .filter(([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
        .filter(([, item]) => !recorder || item.steps.some((step) => step.requests));
    const shared = await daytona.create({ labels: { conformance: RUNNER } });
    const results = [];
    try {
        const queue = cases.values();
        const worker = async () => {
            for (const [name, item] of queue) {
                results.push(await runCase(name, item, shared));
            }
        };
        await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    }
    finally {
        await shared.delete();
    }
    const failed = results.filter((result) => !result.ok).length;
    const unused = wanted.length === 0 ? unusedOperations(all) : [];
    if (wanted.length === 0) {
        const output = runDirectory ?? (0, node_path_1.join)(root, 'target', 'conformance');
        const file = (0, node_path_1.join)(output, `${RUNNER}${recorder ? '-requests' : ''}.json`);
        (0, node_fs_1.mkdirSync)((0, node_path_1.dirname)(file), { recursive: true });
        (0, node_fs_1.writeFileSync)(file, `${JSON.stringify(results, null, 2)}\n`);
    }
    console.log(`${results.length - failed} of ${results.length} cases passed`);
    if (unused.length > 0) {
        console.log(`FAILED ${RUNNER}: no case uses ${unused.join(', ')}`);
    }
    process.exitCode = failed > 0 || unused.length > 0 ? 1 : 0;
}
main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
