"use strict";
// The example programs, as people run them. `shell.ts` is driven through a real terminal, which `script` makes.
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_events_1 = require("node:events");
const node_path_1 = require("node:path");
const node_test_1 = require("node:test");
const node_url_1 = require("node:url");
const node_util_1 = require("node:util");
const support_js_1 = require("./support.js");
const examples = (0, node_path_1.join)(__dirname, '..', '..', 'examples', 'typescript');
/** What runs TypeScript. */
const tsx = ['--import', (0, node_url_1.pathToFileURL)(require.resolve('tsx')).href];
let sandbox;
(0, support_js_1.sandboxForFile)((made) => {
    sandbox = made;
});
for (const name of ['files', 'git', 'processes', 'terminals']) {
    (0, node_test_1.test)(`the example ${name} runs to its end`, async () => {
        const { stdout } = await (0, node_util_1.promisify)(node_child_process_1.execFile)(process.execPath, [...tsx, (0, node_path_1.join)(examples, `${name}.ts`)]);
        strict_1.default.match(stdout, /^--- /m);
    });
}
/** A local terminal in which a command runs, and everything it showed. */
class LocalTerminal {
    #script;
    shown = '';
    constructor(command) {
        this.#script = (0, node_child_process_1.spawn)('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null']);
        this.#script.stdout?.on('data', (data) => {
            this.shown += data;
        });
        (0, node_test_1.after)(() => this.#script.kill());
    }
    /** Waits until the terminal has shown it, and returns the match. */
    async show(pattern) {
        await (0, support_js_1.until)(() => pattern.test(this.shown) || this.#script.exitCode !== null);
        return pattern.exec(this.shown) ?? strict_1.default.fail(`no ${pattern} in ${this.shown}`);
    }
    type(text) {
        this.#script.stdin?.write(text);
    }
    async end() {
        if (this.#script.exitCode === null) {
            await (0, node_events_1.once)(this.#script, 'exit');
        }
    }
}
/** The example in a terminal. Around it is shown what the terminal is called and what its attributes are. */
async function shell() {
    const program = [process.execPath, ...tsx, (0, node_path_1.join)(examples, 'shell.ts'), sandbox.id]
        .map((word) => `'${word}'`)
        .join(' ');
    const begin = 'echo "terminal $(tty)"; echo "before $(stty -g)"';
    const run = `sh -c 'echo "pid $$"; exec "$@"' shell ${program}`;
    const end = 'echo "code $?"; echo "after $(stty -g)"';
    const terminal = new LocalTerminal(`${begin}; ${run}; ${end}`);
    const device = (await terminal.show(/terminal (\S+)/))[1];
    const before = (await terminal.show(/before (\S+)/))[1];
    const pid = Number((await terminal.show(/pid (\d+)/))[1]);
    await terminal.show(/daytona@.*\$ /);
    strict_1.default.match(stty(device, '-a'), /-icanon/, 'the terminal is raw while the shell runs');
    return { terminal, device, before, pid };
}
function stty(device, ...what) {
    return (0, node_child_process_1.execFileSync)('stty', ['-F', device, ...what], { encoding: 'utf8' });
}
(0, node_test_1.test)('the shell takes what is typed, follows the size, and passes its exit code on', async () => {
    const { terminal, device, before } = await shell();
    terminal.type('echo $((6 * 7))\r');
    await terminal.show(/^42\r$/m);
    stty(device, 'rows', '33', 'cols', '111');
    await (0, support_js_1.until)(async () => {
        const [session] = await sandbox.process.listPtySessions();
        return session?.rows === 33 && session.cols === 111;
    });
    terminal.type('stty size\r');
    await terminal.show(/^33 111\r$/m);
    terminal.type('exit 7\r');
    await terminal.show(/^code 7\r$/m);
    strict_1.default.equal((await terminal.show(/after (\S+)/))[1], before);
    await terminal.end();
    strict_1.default.deepEqual(await sandbox.process.listPtySessions(), []);
});
(0, node_test_1.test)('a shell that is ended by a signal leaves the terminal as it was', async () => {
    const { terminal, before, pid } = await shell();
    process.kill(pid, 'SIGTERM');
    await terminal.show(/code 143\r$/m);
    strict_1.default.equal((await terminal.show(/after (\S+)/))[1], before);
    await terminal.end();
    strict_1.default.deepEqual(await sandbox.process.listPtySessions(), []);
});
(0, node_test_1.test)('the shell refuses to start without a terminal', async () => {
    const run = (0, node_util_1.promisify)(node_child_process_1.execFile)(process.execPath, [...tsx, (0, node_path_1.join)(examples, 'shell.ts')]);
    await strict_1.default.rejects(run, { code: 2, stderr: 'shell: standard input is not a terminal\n' });
});
