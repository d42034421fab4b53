"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.CodeInterpreter = void 0;
const services_js_1 = require("./generated/services.js");
/** Python whose variables, imports and functions last from run to run. */
class CodeInterpreter extends services_js_1.CodeInterpreterService {
    /**
     * Runs code and returns its output. An exception of the code is a result, not an error.
     *
     * @param code - Python code.
     * @param options - Context, environment, limit and handlers of live output.
     * @throws `DaytonaTimeoutError` when the run was interrupted, `DaytonaNotFoundError` when there is no such context.
     * @example
     * await sandbox.codeInterpreter.runCode('x = 1');
     * const { stdout } = await sandbox.codeInterpreter.runCode('print(x + 1)');
     */
    async runCode(code, options = {}) {
        const { onStdout, onStderr, onError, ...others } = options;
        const result = { stdout: '', stderr: '' };
        for await (const event of await this.runCodeStream(code, others)) {
            if (event.type === 'error') {
                result.error = event.error;
                await onError?.(event.error);
            }
            else {
                result[event.type] += event.text;
                await (event.type === 'stdout' ? onStdout : onStderr)?.({ output: event.text });
            }
        }
        return result;
    }
    /**
     * Runs code and returns its events as they come. Leaving the loop over them gives up the run.
     *
     * @param code - Python code.
     * @param options - Context, environment and limit.
     * @throws `DaytonaNotFoundError` when there is no such context.
     */
    async runCodeStream(code, options = {}) {
        const { context, ...others } = options;
        const run = { ...others, contextId: idOf(context) };
        return await this._runCode(code, run);
    }
    /**
     * Creates a context.
     *
     * @param cwd - Its working directory. Default: the sandbox's.
     */
    async createContext(cwd, options = {}) {
        return await this._createContext({ ...options, cwd });
    }
    /**
     * Deletes a context and ends its process.
     *
     * @param context - The context or its id.
     * @throws `DaytonaNotFoundError` when there is none.
     */
    async deleteContext(context, options = {}) {
        await this._deleteContext(idOf(context), options);
    }
}
exports.CodeInterpreter = CodeInterpreter;
function idOf(context) {
    return typeof context === 'object' ? context.id : context;
}
