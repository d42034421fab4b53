/**
 * Daytona SDK for TypeScript and JavaScript: create sandboxes, run code in them, move files, drive terminals.
 *
 * @packageDocumentation
 */

export { parseChart } from './charts.js';
export {
  type CreateSandboxBaseParams,
  type CreateSandboxFromImageParams,
  type CreateSandboxFromSnapshotParams,
  Daytona,
  type SandboxFilter,
} from './daytona.js';
export type { DirectoryTransferOptions } from './directory-transfer.js';
export type { DisplayInfoResponse } from './display-answers.js';
export * from './errors.js';
export { type DownloadProgress, type DownloadProgressHandler, FileReader } from './file-reader.js';
export type {
  ByteStream,
  DownloadMetadata,
  DownloadStreamOptions,
  FileDownloadResponse,
  FilePermissionsParams,
  FileSource,
  FileUpload,
  UploadProgress,
  UploadStreamOptions,
} from './file-transfers.js';
export { FileWriter } from './file-writer.js';
export * from './generated/index.js';
export type { Context, SupportedPythonSeries } from './image-builder.js';
export type { OutputMessage, RunCodeOptions } from './interpreter-runs.js';
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
export { ObjectStorage, type ObjectStorageConfig } from './object-storage.js';
export { PortForward } from './port-forward.js';
export type { OutputHandlers, SignalName } from './process-handle.js';
export {
  CodeRunParams,
  type PtyConnectOptions,
  type PtyCreateOptions,
  type SessionExecuteRequest,
} from './process-handles.js';
export { ProcessOutput, type ReadOptions } from './process-output.js';
export { type PtyDataHandler, PtyHandle } from './pty-handle.js';
export { PaginatedSandboxes, SandboxList, type SandboxListPart } from './sandbox-list.js';
export type { ForkParams } from './sandbox-object.js';
export type { WebhookHeaders } from './sandboxes.js';
export type { ScreenshotResponse } from './screenshot-answers.js';
export type { CallOptions } from './service.js';
export {
  type CreateSnapshotParams,
  type PaginatedSnapshots,
  type Snapshot,
  SnapshotBuild,
  type SnapshotCreationOptions,
} from './snapshot-builds.js';
export type { Seconds } from './timeout.js';
