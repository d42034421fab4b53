// How the operations of the schema are called through the public API of this package: as the schema says, except those whose
// method has another shape.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  type Daytona,
  type DirectoryResult,
  FileReader,
  type FileUpload,
  FileWriter,
  LogStream,
  PortForward,
  PtyHandle,
  Sandbox,
  SpawnedProcess,
} from '@daytonaio/sdk';

/** What an operation is called with. */
export interface Call {
  daytona: Daytona;
  /** The case's sandbox. */
  sandbox: Sandbox;
  // biome-ignore lint/suspicious/noExplicitAny: cases are data; the schema says what is in them
  args: any;
  /** The operation's options and a signal. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  options: any;
  /** Typed into a terminal. */
  input: string[];
  /** Written to an upload. */
  pieces: Buffer[];
  /** Close a stream at once instead of reading it. */
  detach: boolean;
  /** How a stream is read, other than to its end. */
  read?: 'lines' | 'again' | 'ended' | 'closed';
}

type Operation = (call: Call) => Promise<unknown>;

/** An operation of the schema. */
interface Op {
  id: string;
  name: string;
  receiver: string;
  /** The parameter that the receiver supplies. */
  supplied: string | null;
  params: { name: string; wire: string }[];
}

const { services, deviations }: { services: { ops: Op[] }[]; deviations: Record<string, { operations?: object }> } =
  JSON.parse(readFileSync(join(__dirname, '../../../schema/daytona.json'), 'utf8'));
const ops = new Map(services.flatMap((service) => service.ops).map((op) => [op.id, op]));
const names = (deviations.typescript?.operations ?? {}) as Record<string, { name?: string }>;

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The object that has the method. */
async function receiver(op: Op, call: Call): Promise<unknown> {
  switch (op.receiver) {
    case 'daytona':
      return call.daytona;
    case 'snapshot':
      return call.daytona.snapshot;
    case 'volume':
      return call.daytona.volume;
    case 'secret':
      return call.daytona.secret;
    case 'sandbox':
      return await call.daytona.get(call.args.idOrName);
    case 'spawned_process':
      return await call.sandbox.process.attach(call.args.process);
    case 'lsp_server':
      return await call.sandbox.createLspServer(call.args.server.languageId, call.args.server.pathToProject);
    default:
      return service(call.sandbox, camel(op.receiver));
  }
}

/** The service of this name: the sandbox's, or its desktop's. */
function service(sandbox: Sandbox, name: string): unknown {
  return sandbox[name as 'fs'] ?? sandbox.computerUse[name as 'mouse'];
}

/** Calls the method of an operation: its parameters in order, then the options. */
function method(op: Op): Operation {
  return async (call) => {
    const object = await receiver(op, call);
    const name = names[op.id]?.name ?? camel(op.name);
    const run = (object as Record<string, ((...args: unknown[]) => Promise<unknown>) | undefined>)[name];
    if (!run) {
      throw new Error(`there is no method ${name}`);
    }
    const args = op.params.filter((param) => param.name !== op.supplied).map((param) => call.args[param.wire]);
    const result = await run.call(object, ...args, call.options);
    return await plain(result ?? (object instanceof Sandbox ? object : undefined), call);
  };
}

/** A result as the cases have it: objects as their data, streams read to their end. */
async function plain(result: unknown, call: Call): Promise<unknown> {
  if (Array.isArray(result)) {
    return await Promise.all(result.map((item) => plain(item, call)));
  }
  if (result instanceof Sandbox || result instanceof SpawnedProcess) {
    return result.toJSON();
  }
  if (result instanceof PtyHandle) {
    return await terminal(result, call);
  }
  if (result instanceof FileWriter) {
    return await written(result, call);
  }
  if (result instanceof PortForward) {
    return await exchanged(result, call);
  }
  if (call.detach && (result instanceof LogStream || result instanceof FileReader)) {
    result.close();
    return undefined;
  }
  if (result instanceof FileReader) {
    return { size: result.size, content: await result.bytes() };
  }
  return result instanceof LogStream ? await logs(result, call) : result;
}

async function logs(log: LogStream, { read }: Call) {
  const result = { stdout: '', stderr: '' };
  for await (const { channel, text } of log) {
    result[channel] += text;
  }
  if (read === 'again') {
    await nothingMore(log);
  }
  return result;
}

async function nothingMore(stream: AsyncIterable<unknown>) {
  for await (const more of stream) {
    throw new Error(`there is output after the end: ${JSON.stringify(more)}`);
  }
}

async function terminal(pty: PtyHandle, call: Call) {
  for (const text of call.input) {
    await pty.sendInput(text);
  }
  if (call.detach) {
    await pty.disconnect();
    return undefined;
  }
  if (call.read === 'closed') {
    await pty.disconnect();
    return await pty.sendInput('late');
  }
  const pieces: Buffer[] = [];
  for await (const data of pty) {
    pieces.push(data);
  }
  if (call.read === 'again') {
    await nothingMore(pty);
  }
  if (call.read === 'ended') {
    return await pty.sendInput('late');
  }
  return { output: Buffer.concat(pieces).toString(), ...(await pty.wait()) };
}

async function written(file: FileWriter, { pieces, detach }: Call) {
  for (const piece of pieces) {
    await file.write(piece);
  }
  if (detach) {
    file.close();
  } else {
    await file.finish();
  }
}

/** What comes back on a connection to a forwarded port, whose writing side is closed after the input. */
async function exchanged(forward: PortForward, { input, detach }: Call) {
  try {
    if (detach) {
      return undefined;
    }
    const connection = connect(forward.localPort, '127.0.0.1');
    connection.end(input.join(''));
    const pieces: Buffer[] = await connection.toArray();
    return { localPort: forward.localPort, httpOnly: forward.httpOnly, output: Buffer.concat(pieces).toString() };
  } finally {
    forward.close();
  }
}

/** Transfers a directory, or gives it up. */
async function directory(call: Call, transfer: (options: object) => Promise<DirectoryResult>) {
  if (!call.detach) {
    return await transfer(call.options);
  }
  const giveUp = new AbortController();
  const given = transfer({ ...call.options, signal: giveUp.signal });
  giveUp.abort();
  await given.catch(() => {});
  return undefined;
}

function upload(file: { destination: string; content?: Buffer; localPath?: string }): FileUpload {
  return { source: file.content ?? (file.localPath as string), destination: file.destination };
}

/** Operations whose method takes or returns something else than the schema says. */
const adapters: Record<string, Operation> = {
  'sandbox.create_with_logs': async ({ daytona, args, options }) => {
    const lines: string[] = [];
    const onSnapshotCreateLogs = (line: string) => lines.push(line);
    const sandbox = await daytona.create(args.params, { ...options, onSnapshotCreateLogs });
    return { lines, sandbox: sandbox.toJSON() };
  },
  'snapshot.create_with_logs': async ({ daytona, args, options }) => {
    const build = await daytona.snapshot.createStream(args.params, options);
    const lines: string[] = [];
    for await (const line of build) {
      lines.push(line);
    }
    return { lines, snapshot: await build.result() };
  },
  'snapshot.list': async ({ daytona, options: { signal, ...query } }) =>
    await daytona.snapshot.list(query, undefined, { signal }),
  'sandbox.find_one': async ({ daytona, options }) => (await daytona.findOne(options, options)).toJSON(),
  'sandbox.list': async ({ daytona, args, options }) =>
    (await daytona.list(args.query, options).parts().next()).value ?? undefined,
  'sandbox.list_page': async ({ daytona, options: { labels = {}, page, limit, ...options } }) =>
    await daytona.list(labels, page, limit, options),
  'process.code_run': ({ sandbox, args, options }) =>
    sandbox.process.codeRun(args.code, { language: args.language }, options),
  'process.stream_output': async (call) => {
    const { channel, signal, ...options } = call.options;
    const process = await call.sandbox.process.attach(call.args.process);
    if (call.read !== 'lines') {
      return await plain(await process.output({ ...options, channel, signal }), call);
    }
    const lines: string[] = [];
    for await (const line of process[channel as 'stdout'].lines({ ...options, signal })) {
      lines.push(line);
    }
    return { lines };
  },
  'process.create_pty': async (call) =>
    await terminal(await call.sandbox.process.createPty({ id: call.args.sessionId, ...call.options }), call),
  'process.resize_pty_session': ({ sandbox, args, options }) =>
    sandbox.process.resizePtySession(args.sessionId, args.cols, args.rows, options),
  'fs.upload_dir': (call) =>
    directory(call, (options) => call.sandbox.fs.uploadDir(call.args.localPath, call.args.remotePath, options)),
  'fs.download_dir': (call) =>
    directory(call, (options) => call.sandbox.fs.downloadDir(call.args.remotePath, call.args.localPath, options)),
  'fs.upload_file': ({ sandbox, args, options }) => {
    const { source, destination } = upload(args.file);
    return sandbox.fs.uploadFile(source, destination, options);
  },
  'fs.upload_files': ({ sandbox, args, options }) => sandbox.fs.uploadFiles(args.files.map(upload), options),
  'fs.download_to_path': ({ sandbox, args, options }) =>
    sandbox.fs.downloadFile(args.remotePath, args.localPath, options),
  'fs.download_files': async ({ sandbox, args, options }) => {
    const files = await sandbox.fs.downloadFiles(args.files, options);
    return files.map(({ result, ...others }) => ({
      ...others,
      ...(typeof result === 'string' ? { localPath: result } : { content: result }),
    }));
  },
  'code_interpreter.run_code': async ({ sandbox, args, options: { contextId, ...options }, detach }) => {
    if (detach) {
      (await sandbox.codeInterpreter.runCodeStream(args.code, { context: contextId, ...options })).close();
      return undefined;
    }
    return await sandbox.codeInterpreter.runCode(args.code, { context: contextId, ...options });
  },
};

/** How an operation is called; nothing for one that the schema does not have. */
export function operation(id: string): Operation | undefined {
  const op = ops.get(id);
  return adapters[id] ?? (op && method(op));
}
