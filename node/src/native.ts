// Loading the native library.

import { DaytonaInternalError } from './errors.js';
import { SCHEMA_HASH } from './generated/schema.js';
import { missingFile, nativeFile } from './native-files.js';

/** An outcome in the array of all: id, status, JSON, attachments and opened stream, if there are any. */
export type NativeOutcomes = [number, number, string, Buffer[] | undefined, NativeStream | undefined];

/** The calls and outcomes of this thread. */
export interface NativePump {
  drain(): NativeOutcomes[number][];
  cancel(id: number): void;
}

/** A client of the native library. */
export interface NativeClient {
  start(pump: NativePump, id: number, op: string, json: string, blobs?: Uint8Array[]): void;
  place(): { apiUrl: string; target?: string } | null;
  readonly traced: boolean;
  close(): void;
}

/** An open stream of the native library. */
export interface NativeStream {
  read(pump: NativePump, id: number, max: number, form?: string): void;
  write(pump: NativePump, id: number, data: Uint8Array): void;
  finish(pump: NativePump, id: number): void;
  close(): void;
}

/** Numbers of live things in this process; all zero when a program has let go of everything. */
export interface DebugStats {
  /** Operations whose work has not ended. */
  calls: number;
  /** Open streams. */
  streams: number;
  /** Clients that have not been closed. */
  clients: number;
}

interface Native {
  Client: new (config: string) => NativeClient;
  Pump: new (wake: () => void) => NativePump;
  debugStats(): DebugStats;
  setLogLevel(level: string): void;
  takeLog(): string | null;
  imageStep(request: string): string;
  schemaHash(): string;
}

let loaded: Native | undefined;

/** The native library, loaded at first use: importing the package costs next to nothing. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** Numbers of live things in this process: what tests of leaks look at. */
export function debugStats(): DebugStats {
  return native().debugStats();
}

function load(): Native {
  const name = `daytona.${process.platform}-${process.arch}.node`;
  const file = nativeFile(name);
  if (!file) {
    throw missingFile(name);
  }
  // Not `require`, which bundlers turn into something else.
  const library = { exports: {} as Native };
  try {
    process.dlopen(library, file);
  } catch (cause) {
    const why = 'This package was built for other platforms, or for a newer C library than this one.';
    throw new DaytonaInternalError(`Cannot load ${file}. ${why}`, undefined, undefined, undefined, { cause });
  }
  if (library.exports.schemaHash() !== SCHEMA_HASH) {
    throw new DaytonaInternalError(`${file} is of another version than this package. Install the package again.`);
  }
  return library.exports;
}
