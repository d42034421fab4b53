/**
 * Daytona SDK for TypeScript and JavaScript: create sandboxes, run code in them, move files, drive terminals.
 *
 * @packageDocumentation
 */

export * from './charts.js';
export { CodeInterpreter, type OutputMessage, type RunCodeOptions } from './code-interpreter.js';
export {
  type CreateSandboxBaseParams,
  type CreateSandboxFromImageParams,
  type CreateSandboxFromSnapshotParams,
  Daytona,
  type DaytonaConfig,
  type SandboxFilter,
} from './daytona.js';
export type { DirectoryTransferOptions } from './directory-transfer.js';
export * from './errors.js';
export { type DownloadProgress, type DownloadProgressHandler, FileReader } from './file-reader.js';
export {
  type ByteStream,
  type DownloadMetadata,
  type DownloadStreamOptions,
  type FileDownloadResponse,
  type FilePermissionsParams,
  type FileSource,
  FileSystem,
  type FileUpload,
  type UploadProgress,
  type UploadStreamOptions,
} from './file-system.js';
export { FileWriter } from './file-writer.js';
export * from './generated/enums.js';
export type * from './generated/models.js';
export { type FileStatus, Git, type GitCommitResponse, type GitStatus } from './git.js';
export { type InterpreterEvent, InterpreterStream } from './interpreter-stream.js';
export { type LogFields, type LogLevel, type LogRecord, setLogger } from './log.js';
export type { LogPattern } from './log-pattern.js';
export {
  type LogChunk,
  LogStream,
  MAX_PREFIX_LEN,
  STDERR_PREFIX_BYTES,
  STDOUT_PREFIX_BYTES,
  type TextHandler,
} from './log-stream.js';
export { type DebugStats, debugStats } from './native.js';
export {
  CodeRunParams,
  Process,
  type PtyConnectOptions,
  type PtyCreateOptions,
  type SessionExecuteRequest,
} from './process.js';
export { ProcessOutput, type ReadOptions } from './process-output.js';
export { type PtyDataHandler, PtyHandle } from './pty-handle.js';
export { Sandbox } from './sandbox.js';
export { PaginatedSandboxes, SandboxList, type SandboxListPart } from './sandbox-list.js';
export type { CallOptions } from './service.js';
export { type OutputHandlers, type SignalName, SpawnedProcess } from './spawned-process.js';
export type { Seconds } from './timeout.js';
