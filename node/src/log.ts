import { unusable } from './argument.js';
import { errorFromEnvelope } from './errors.js';
import { native } from './native.js';

/** How important a log record is. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** What a log record is about; what does not apply is not there. */
export interface LogFields {
  /** The operation, for example `process.exec`. */
  operation?: string;
  /** Method of the request. */
  method?: string;
  /** URL of the request, without its query. */
  url?: string;
  /** HTTP status of the answer. */
  status?: number;
  /** Milliseconds that it took. */
  durationMs?: number;
  /** 1 for the first attempt of a request. */
  attempt?: number;
  /** The server's id of the request. */
  requestId?: string;
  /** The sandbox it is about. */
  sandboxId?: string;
  /** Kind of the error, for example `NotFound`. */
  error?: string;
}

/** Something the client did. It holds no secrets. */
export interface LogRecord {
  /** When it happened. */
  time: Date;
  /** How important it is. */
  level: LogLevel;
  /** A sentence for people. */
  message: string;
  /** The same for programs. */
  fields: LogFields;
}

let current: ((record: LogRecord) => unknown) | undefined;

/**
 * Hands what all clients of the process do to a logger, when a call completes: requests with their status, time and id, retries,
 * and how operations ended. `DAYTONA_LOG` writes the same to standard error.
 *
 * @param logger - Takes each record; without it, none are made any more. What it throws becomes a warning of the process.
 * @param level - The least important records it gets: `debug` has each request, `info` each operation. Default: `info`.
 * @throws `DaytonaInvalidArgumentError` for another level or what is not a function.
 * @example
 * setLogger(({ level, message, fields }) => pino[level](fields, message), 'debug');
 */
export function setLogger(logger?: (record: LogRecord) => unknown, level: LogLevel = 'info'): void {
  if (logger !== undefined && typeof logger !== 'function') {
    throw unusable('logger', logger, 'it must be a function');
  }
  try {
    native().setLogLevel(logger ? String(level) : 'off');
  } catch (error) {
    throw errorFromEnvelope((error as Error).message);
  }
  current = logger;
}

/** Hands over what has been logged since the last time. */
export function passLog(): void {
  const json = current && native().takeLog();
  if (!json) {
    return;
  }
  for (const record of JSON.parse(json) as (Omit<LogRecord, 'time'> & { time: number })[]) {
    try {
      current?.({ ...record, time: new Date(record.time * 1000) });
    } catch (error) {
      process.emitWarning(`The logger of the Daytona SDK failed: ${error}`);
    }
  }
}
