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
(0, node_test_1.test)('variables last from run to run, in each context its own', async () => {
    const { codeInterpreter } = sandbox;
    const context = await codeInterpreter.createContext('/tmp');
    strict_1.default.equal(context.cwd, '/tmp');
    await codeInterpreter.runCode('x = 1');
    await codeInterpreter.runCode('x = 2', { context });
    strict_1.default.equal((await codeInterpreter.runCode('print(x)')).stdout, '1\n');
    strict_1.default.equal((await codeInterpreter.runCode('print(x)', { context })).stdout, '2\n');
    strict_1.default.equal((await codeInterpreter.listContexts()).some(({ id }) => id === context.id), true);
    await codeInterpreter.deleteContext(context);
});
(0, node_test_1.test)('handlers take the output live and the exception', async () => {
    const output = [];
    let failure;
    const result = await sandbox.codeInterpreter.runCode('import sys, os\nprint("out €")\nprint("err", file=sys.stderr)\nprint(os.environ["A"])\n1/0', {
        envs: { A: 'b' },
        onStdout: (message) => output.push(`1 ${message.output}`),
        onStderr: async (message) => output.push(`2 ${message.output}`),
        onError: (error) => {
            failure = error;
        },
    });
    strict_1.default.equal(result.stdout, 'out €\nb\n');
    strict_1.default.equal(result.stderr, 'err\n');
    strict_1.default.equal(result.error?.name, 'ZeroDivisionError');
    strict_1.default.deepEqual(failure, result.error);
    strict_1.default.ok(output.some((line) => line.startsWith('2 err')));
});
(0, node_test_1.test)('leaving the loop over a run ends the run', async () => {
    const { codeInterpreter } = sandbox;
    const context = await codeInterpreter.createContext('/tmp');
    const code = 'import time\nwhile True:\n  print("on", file=open("/tmp/ticks", "a"))\n  print("on")\n  time.sleep(0.05)';
    for await (const event of await codeInterpreter.runCodeStream(code, { context })) {
        strict_1.default.equal(event.type, 'stdout');
        break;
    }
    const ticks = 'stat -c %s /tmp/ticks';
    await (0, support_js_1.until)(async () => {
        const { result } = await sandbox.process.executeCommand(`${ticks}; sleep 0.5; ${ticks}`);
        const [before, after] = result.split('\n');
        return before === after;
    });
});
(0, node_test_1.test)('a run that takes too long is interrupted', async () => {
    await strict_1.default.rejects(sandbox.codeInterpreter.runCode('import time\ntime.sleep(30)', { timeout: 1 }), sdk_1.DaytonaTimeoutError);
});
