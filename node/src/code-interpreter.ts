import type { ExecutionError, ExecutionResult, InterpreterContext, InterpreterRunOptions } from './generated/models.js';
import { CodeInterpreterService } from './generated/services.js';
import type { InterpreterStream } from './interpreter-stream.js';
import type { CallOptions } from './service.js';

/** A piece of output of a run. */
export interface OutputMessage {
  /** What was written. */
  output: string;
}

/** Options of {@link CodeInterpreter.runCode}. */
export interface RunCodeOptions extends CallOptions {
  /** The context to run in. Default: the sandbox's default context. */
  context?: InterpreterContext | string;
  /** Environment variables during this run. */
  envs?: Record<string, string>;
  /** Seconds after which the run is interrupted; 0 = no limit. Default: 600. */
  timeout?: number;
  /** Takes standard output, live. A returned promise is waited for. */
  onStdout?: (message: OutputMessage) => unknown;
  /** Takes standard error, live. A returned promise is waited for. */
  onStderr?: (message: OutputMessage) => unknown;
  /** Takes the exception that ended the run. A returned promise is waited for. */
  onError?: (error: ExecutionError) => unknown;
}

/** Python whose variables, imports and functions last from run to run. */
export class CodeInterpreter extends CodeInterpreterService {
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
  async runCode(code: string, options: RunCodeOptions = {}): Promise<ExecutionResult> {
    const { onStdout, onStderr, onError, ...others } = options;
    const result: ExecutionResult = { stdout: '', stderr: '' };
    for await (const event of await this.runCodeStream(code, others)) {
      if (event.type === 'error') {
        result.error = event.error;
        await onError?.(event.error);
      } else {
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
  async runCodeStream(
    code: string,
    options: Omit<RunCodeOptions, 'onStdout' | 'onStderr' | 'onError'> = {},
  ): Promise<InterpreterStream> {
    const { context, ...others } = options;
    const run: InterpreterRunOptions & CallOptions = { ...others, contextId: idOf(context) };
    return await this._runCode(code, run);
  }

  /**
   * Creates a context.
   *
   * @param cwd - Its working directory. Default: the sandbox's.
   */
  async createContext(cwd?: string, options: CallOptions = {}): Promise<InterpreterContext> {
    return await this._createContext({ ...options, cwd });
  }

  /**
   * Deletes a context and ends its process.
   *
   * @param context - The context or its id.
   * @throws `DaytonaNotFoundError` when there is none.
   */
  async deleteContext(context: InterpreterContext | string, options: CallOptions = {}): Promise<void> {
    await this._deleteContext(idOf(context) as string, options);
  }
}

function idOf(context: InterpreterContext | string | undefined): string | undefined {
  return typeof context === 'object' ? context.id : context;
}
