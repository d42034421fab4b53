import type { ExecutionError, ExecutionResult, InterpreterContext } from './generated/models.js';
import { InterpreterStream } from './interpreter-stream.js';
import { type CallOptions, Service } from './service.js';

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

/** Runs of the code interpreter. */
export abstract class InterpreterRuns extends Service {
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
    const given = { ...others, contextId: context && idOf(context) };
    return await this.open('code_interpreter.run_code', { code }, given, InterpreterStream);
  }

  /** @internal */
  protected async run(_op: string, { code }: { code: string }, options?: RunCodeOptions): Promise<ExecutionResult> {
    const { onStdout, onStderr, onError, ...others } = options ?? {};
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
}

/** The id of a context. */
export function idOf(context: InterpreterContext | string): string {
  return typeof context === 'object' ? context.id : context;
}
