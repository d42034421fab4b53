// Files: up and down, in streams, many at once, whole directories, searching, permissions.
//
//   DAYTONA_API_URL=local npx tsx files.ts

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Daytona, DaytonaCancelledError, type Sandbox } from '@daytonaio/sdk';

const local = await mkdtemp(join(tmpdir(), 'files-'));

async function uploadDownload(sandbox: Sandbox): Promise<void> {
  const copy = join(local, 'greeting.txt');
  // region: upload-download
  await sandbox.fs.uploadFile(Buffer.from('hello\n'), 'work/greeting.txt');
  const content = await sandbox.fs.downloadFile('work/greeting.txt');
  console.log(content.toString());

  // From path to path, whatever the size.
  await sandbox.fs.downloadFile('work/greeting.txt', copy);
  await sandbox.fs.uploadFile(copy, 'work/copy.txt');
  // endregion
}

async function streams(sandbox: Sandbox): Promise<void> {
  const source = Readable.from(Array.from({ length: 40 }, () => 'all work and no play\n'.repeat(5000)));
  const endless = (function* () {
    for (;;) yield 'and so on\n'.repeat(10_000);
  })();
  // region: streams
  // A stream of Node.js or of the web, or any iterable of bytes or text.
  await sandbox.fs.uploadFileStream(source, 'work/big.txt', {
    onProgress: ({ bytesSent }) => process.stderr.write(`\rsent ${bytesSent} bytes`),
  });

  const file = await sandbox.fs.openDownload('work/big.txt');
  for await (const piece of file) {
    console.log(`\nthe first of ${file.size} bytes: ${piece.subarray(0, 20)}`);
    break; // Leaving the loop ends the download: the rest is never sent.
  }

  try {
    // An upload that is aborted stores nothing.
    await sandbox.fs.uploadFileStream(endless, 'work/endless.txt', { signal: AbortSignal.timeout(200) });
  } catch (error) {
    if (!(error instanceof DaytonaCancelledError)) throw error;
    console.log('given up');
  }
  // endregion
}

async function many(sandbox: Sandbox): Promise<void> {
  // region: many
  await sandbox.fs.uploadFiles([
    { source: Buffer.from('1\n'), destination: 'work/many/one.txt' },
    { source: Buffer.from('2\n'), destination: 'work/many/two.txt' },
  ]);
  const files = await sandbox.fs.downloadFiles([{ source: 'work/many/one.txt' }, { source: 'work/many/none.txt' }]);
  for (const { source, result, error } of files) {
    console.log(source, error ?? result);
  }
  // endregion
}

async function directories(sandbox: Sandbox): Promise<void> {
  const project = join(local, 'project');
  const results = join(local, 'results');
  await mkdir(join(project, 'lib'), { recursive: true });
  await writeFile(join(project, 'main.py'), "print('hi')\n");
  await writeFile(join(project, 'lib', 'a.py'), 'A = 1\n');
  await writeFile(join(project, 'lib', 'a.pyc'), 'cache');
  // region: directories
  const up = await sandbox.fs.uploadDir(project, 'work/project', {
    exclude: ['*.pyc', '.git'],
    onProgress: ({ files, totalFiles }) => process.stderr.write(`\r${files} of ${totalFiles} files`),
  });
  console.log(`\n${up.files} files, ${up.bytes} bytes`);

  const down = await sandbox.fs.downloadDir('work/project', results);
  for (const { path, reason } of down.skipped) {
    console.log(`left out ${path}: ${reason}`);
  }
  // endregion
}

async function searchReplace(sandbox: Sandbox): Promise<void> {
  // region: search-replace
  const found = await sandbox.fs.searchFiles('work', '*.py');
  console.log(found.files);

  for (const { file, line, content } of await sandbox.fs.findFiles('work', 'A = 1')) {
    console.log(`${file}:${line}: ${content}`);
  }

  for (const { file, error } of await sandbox.fs.replaceInFiles(found.files, 'A = 1', 'A = 2')) {
    console.log(file, error ?? 'ok');
  }
  // endregion
}

async function permissions(sandbox: Sandbox): Promise<void> {
  // region: permissions
  await sandbox.fs.setFilePermissions('work/greeting.txt', { mode: '600' });
  const { mode, owner, group } = await sandbox.fs.getFileDetails('work/greeting.txt');
  console.log(mode, owner, group);
  // endregion
}

await using daytona = new Daytona();
await using sandbox = await daytona.create({ labels: { purpose: 'example' } });
try {
  for (const part of [uploadDownload, streams, many, directories, searchReplace, permissions]) {
    console.log(`--- ${part.name}`);
    await part(sandbox);
  }
} finally {
  await rm(local, { recursive: true });
}
